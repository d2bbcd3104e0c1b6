// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/reason.h"

namespace embed::gst {

const char* to_string(Reason reason) noexcept {
  switch (reason) {
    case Reason::None:
      return "";
    case Reason::Small:
      return "small";
    case Reason::Outside:
      return "outside";
    case Reason::Far:
      return "far";
    case Reason::Ambiguous:
      return "ambiguous";
    case Reason::Rejected:
      return "rejected";
    case Reason::Blurred:
      return "blurred";
    case Reason::Turned:
      return "turned";
    case Reason::Dark:
      return "dark";
    case Reason::Covered:
      return "covered";
    case Reason::Skipped:
      return "skipped";
    case Reason::NoGallery:
      return "no-gallery";
    case Reason::TooMany:
      return "too-many";
    case Reason::Undecided:
      return "undecided";
    case Reason::Taken:
      return "taken";
    case Reason::Other:
      break;
  }
  return "other";
}

Reason reason_of(std::string_view text) noexcept {
  if (text.empty()) return Reason::None;
  for (const Reason reason : kReasons) {
    if (text == to_string(reason)) return reason;
  }
  return Reason::Other;
}

Reason reason_of(Unknown unknown) noexcept {
  switch (unknown) {
    case Unknown::No:
      return Reason::None;
    case Unknown::NoGallery:
      return Reason::NoGallery;
    case Unknown::Far:
      return Reason::Far;
    case Unknown::Rejected:
      return Reason::Rejected;
    case Unknown::Ambiguous:
      break;
  }
  return Reason::Ambiguous;
}

Reason explained(Reason reason, QualityFlaw flaw) noexcept {
  if (reason != Reason::Far && reason != Reason::Ambiguous) return reason;
  switch (flaw) {
    case QualityFlaw::Small:
      return Reason::Small;
    case QualityFlaw::Blurred:
      return Reason::Blurred;
    case QualityFlaw::Turned:
      return Reason::Turned;
    case QualityFlaw::Dark:
      return Reason::Dark;
    case QualityFlaw::Covered:
      return Reason::Covered;
    case QualityFlaw::Harsh:
    case QualityFlaw::None:
      break;
  }
  return reason;
}

}  // namespace embed::gst
