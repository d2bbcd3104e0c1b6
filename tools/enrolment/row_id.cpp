// SPDX-License-Identifier: LGPL-2.1-or-later
#include "enrolment/row_id.h"

#include "embed/safetensors.h"

namespace enrolment {

std::string row_id(const embed::Gallery& gallery, std::size_t row, embed::Role role) {
  constexpr std::size_t kDigits = 12;
  const embed::Enrolment& enrolment = gallery.enrolment(row, role);
  std::string bytes(reinterpret_cast<const char*>(gallery.row(row, role)), sizeof(embed::Embedding));
  bytes += std::to_string(enrolment.time) + ' ' + enrolment.source;
  return embed::sha256_hex(bytes.data(), bytes.size()).substr(0, kDigits);
}

}  // namespace enrolment
