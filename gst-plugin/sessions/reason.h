// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "embed/gallery.h"
#include "embed/quality.h"

namespace embed::gst {

/// Why a face has no name.
enum class Reason {
  None,       ///< It has one.
  Small,      ///< It has no area, or fewer pixels than min-face-size.
  Outside,    ///< Next to nothing of it lies in the frame, or it is huge.
  Far,        ///< The nearest person is beyond the threshold.
  Ambiguous,  ///< Two people are nearly as near.
  Rejected,   ///< It is nearer to a counter-example of the nearest person than to the person.
  Blurred,    ///< Far or ambiguous, and out of focus or moved: see QualityFlaw, as the next three.
  Turned,     ///< … and turned to the side, up or down.
  Dark,       ///< … and hardly lit.
  Covered,    ///< … and eyes or mouth are hidden.
  Skipped,    ///< Its frame was left out by an interval, or came too late.
  NoGallery,  ///< There is nobody to compare it with.
  TooMany,    ///< The frame has more faces than max-faces. In counts alone.
  Undecided,  ///< Its track has too little evidence yet.
  Taken,      ///< Another face of the frame is that person.
  Other,      ///< Metadata of another version says something else.
};

/// Every reason but None and Other, in the order of the counts.
inline constexpr std::array<Reason, 14> kReasons = {
    Reason::Small,     Reason::Outside,   Reason::Far,   Reason::Ambiguous, Reason::Rejected,
    Reason::Blurred,   Reason::Turned,    Reason::Dark,  Reason::Covered,   Reason::Skipped,
    Reason::NoGallery, Reason::Undecided, Reason::Taken, Reason::TooMany};

/// As metadata, JSON and `stats` have it: "small", "outside", "far", "ambiguous", "rejected", "blurred",
/// "turned", "dark", "covered", "skipped", "no-gallery", "undecided", "taken", "too-many"; empty for None.
const char* to_string(Reason reason) noexcept;
/// The other way; Other for a text that is none of these.
Reason reason_of(std::string_view text) noexcept;
/// What the gallery's rule says.
Reason reason_of(Unknown unknown) noexcept;
/// What is told of a face that was embedded: the flaw of its picture where it has one that explains why
/// nobody was near enough, else `reason` itself.
Reason explained(Reason reason, QualityFlaw flaw) noexcept;

}  // namespace embed::gst
