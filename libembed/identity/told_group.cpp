// SPDX-License-Identifier: LGPL-2.1-or-later
#include "identity/told_group.h"

#include <algorithm>
#include <string_view>

#include "base/distance_kernels.h"
#include "embed/error.h"

namespace embed {
namespace {

constexpr std::string_view kLabel = "unknown-";

Embedding scaled(Embedding mean) {
  const float length = norm(mean.data());
  for (float& value : mean) value /= length;
  return mean;
}

}  // namespace

namespace identity {

StrangerGroup told(const Group& group, const std::vector<std::string>& cameras) {
  StrangerGroup out{group.number, {}};
  for (const Member& member : group.members)
    out.tracks.push_back({scaled(member.mean), member.weight, member.looks, member.first, member.last,
                          cameras[member.camera]});
  std::stable_sort(out.tracks.begin(), out.tracks.end(),
                   [](const StrangerTrack& a, const StrangerTrack& b) { return a.first < b.first; });
  return out;
}

}  // namespace identity

std::string stranger_label(std::uint64_t number) {
  return number == 0 ? std::string() : std::string(kLabel) + std::to_string(number);
}

std::uint64_t stranger_number(std::string_view label) {
  const std::string_view digits = label.substr(std::min(label.size(), kLabel.size()));
  if (label.substr(0, kLabel.size()) != kLabel || digits.empty() || digits.size() > 16 ||
      digits.front() == '0' || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    throw Error(ErrorCode::InvalidArgument, "'" + std::string(label.substr(0, 40)) +
                                                "' is no stranger: 'unknown-' and a number expected");
  }
  return std::stoull(std::string(digits));
}

void add_rows(const StrangerGroup& group, const std::string& person, Gallery& gallery, Role role) {
  for (const StrangerTrack& track : group.tracks) {
    Enrolment enrolment;
    enrolment.quality = std::clamp(track.weight / static_cast<float>(track.looks), 0.0F, 1.0F);
    enrolment.time = track.last / 1000;
    enrolment.source = stranger_label(group.number);
    if (!track.camera.empty()) enrolment.source += ", " + track.camera;
    gallery.add(person, track.mean, enrolment, role);
  }
}

}  // namespace embed
