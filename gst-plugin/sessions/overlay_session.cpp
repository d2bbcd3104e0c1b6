// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/overlay_session.h"

#include <pango/pangocairo.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <memory>

#include "sessions/label_places.h"

namespace embed::gst {
namespace {

constexpr OptionSpec kOptions[] = {
    {"font", OptionType::String, 0, 0, "Sans Bold", "",
     "Font of the names, as Pango names it, without a size"},
    {"show-distance", OptionType::Bool, 0, 0, "true", "",
     "Show the distance to the nearest identity beside the name"},
    {"max-faces", OptionType::Int, 0, 65535, "256", "",
     "Most faces of a frame to draw: those with an identity first, then the largest; 0 draws all"},
    {"cover", OptionType::Choice, 0, 0, "none", "none|unknown|known|all",
     "Whose faces are made unrecognisable: none, those without a name, those with one, or all; in doubt a "
     "face is "
     "covered"},
    {"cover-style", OptionType::Choice, 0, 0, "blur", "blur|pixelate|fill",
     "What a face is covered with: blur and pixelate leave sixteen mean colours of it, fill leaves nothing"},
    {"cover-hold", OptionType::Int, 0, 60000, "1000", "",
     "Milliseconds for which the place of a covered face stays covered after the face was lost"},
};

Cover cover_of(const std::string& text) {
  if (text == "none") return Cover::None;
  if (text == "unknown") return Cover::Unknown;
  return text == "known" ? Cover::Known : Cover::All;
}

CoverStyle style_of(const std::string& text) {
  if (text == "blur") return CoverStyle::Blur;
  return text == "pixelate" ? CoverStyle::Pixelate : CoverStyle::Fill;
}

constexpr Colour kUnknown{0.62, 0.64, 0.67};

struct CairoFree {
  void operator()(cairo_t* cr) const { cairo_destroy(cr); }
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
struct GObjectFree {
  void operator()(PangoLayout* layout) const { g_object_unref(layout); }
};
using CairoPtr = std::unique_ptr<cairo_t, CairoFree>;
using SurfacePtr = std::unique_ptr<cairo_surface_t, CairoFree>;
using LayoutPtr = std::unique_ptr<PangoLayout, GObjectFree>;

/// Colours that are told apart at a glance, on each other and from kUnknown, on dark frames and light ones.
constexpr Colour kNamed[] = {{0.93, 0.17, 0.25}, {1.00, 0.52, 0.13}, {1.00, 0.87, 0.15}, {0.70, 0.95, 0.22},
                             {0.20, 0.80, 0.32}, {0.10, 0.68, 0.62}, {0.45, 1.00, 0.75}, {0.25, 0.83, 0.98},
                             {0.30, 0.48, 1.00}, {0.62, 0.36, 1.00}, {0.80, 0.66, 1.00}, {0.96, 0.25, 0.90},
                             {1.00, 0.42, 0.62}, {0.78, 0.47, 0.20}, {0.66, 0.66, 0.10}};

/// Sizes in pixels that go with the frame's shorter side, so that a portrait frame has room for names.
struct Look {
  double text, line, padding;
  explicit Look(int shorter_side)
      : text(std::clamp(shorter_side / 30.0, 11.0, 60.0)),
        line(std::clamp(shorter_side / 300.0, 1.5, 8.0)),
        padding(text * 0.3) {}
};

/// A frame, drawn on as it is shown: in squares as high as its pixels.
struct Canvas {
  int pixels_across, height;  // in pixels
  double aspect;              // a pixel's width over its height
  int width() const { return std::max(1, static_cast<int>(std::lround(pixels_across * aspect))); }
  /// From pixels to squares.
  PixelRect shown(const PixelRect& r) const {
    return {std::llround(static_cast<double>(r.x) * aspect), r.y,
            std::max(1LL, std::llround(static_cast<double>(r.width) * aspect)), r.height};
  }
  /// The pixels that a part touches.
  PixelRect pixels(const PixelRect& r) const {
    const auto left = static_cast<std::int64_t>(std::floor(static_cast<double>(r.x) / aspect));
    const auto right = static_cast<std::int64_t>(std::ceil(static_cast<double>(r.x + r.width) / aspect));
    return {left, r.y, right - left, r.height};
  }
};

bool clip(PixelRect& r, int frame_width, int frame_height) {
  const auto right = std::min<std::int64_t>(r.x + r.width, frame_width);
  const auto bottom = std::min<std::int64_t>(r.y + r.height, frame_height);
  r.x = std::max<std::int64_t>(r.x, 0);
  r.y = std::max<std::int64_t>(r.y, 0);
  r.width = right - r.x;
  r.height = bottom - r.y;
  return r.width > 0 && r.height > 0;
}

/// Calls `draw` with a context whose coordinates are the canvas's and that shows `part` of it.
template <typename Draw>
void add_patch(std::vector<Patch>& patches, const PixelRect& part, const Canvas& canvas, Draw draw) {
  PixelRect area = canvas.pixels(part);
  if (!clip(area, canvas.pixels_across, canvas.height)) return;
  Patch patch{static_cast<int>(area.x),
              static_cast<int>(area.y),
              static_cast<int>(area.width),
              static_cast<int>(area.height),
              {}};
  const int stride = patch.width * 4;  // What cairo asks of ARGB32 rows, too.
  patch.pixels.assign(static_cast<std::size_t>(stride) * static_cast<std::size_t>(patch.height), 0);
  {
    const SurfacePtr surface(cairo_image_surface_create_for_data(patch.pixels.data(), CAIRO_FORMAT_ARGB32,
                                                                 patch.width, patch.height, stride));
    const CairoPtr cr(cairo_create(surface.get()));
    cairo_translate(cr.get(), -patch.x, -patch.y);
    cairo_scale(cr.get(), 1 / canvas.aspect, 1);
    draw(cr.get());
    cairo_surface_flush(surface.get());
  }
  patches.push_back(std::move(patch));
}

void rounded_rectangle(cairo_t* cr, double x, double y, double width, double height, double radius) {
  const double r = std::min({radius, width / 2, height / 2});
  cairo_new_sub_path(cr);
  cairo_arc(cr, x + width - r, y + r, r, -G_PI_2, 0);
  cairo_arc(cr, x + width - r, y + height - r, r, 0, G_PI_2);
  cairo_arc(cr, x + r, y + height - r, r, G_PI_2, G_PI);
  cairo_arc(cr, x + r, y + r, r, G_PI, 3 * G_PI_2);
  cairo_close_path(cr);
}

void draw_box(std::vector<Patch>& patches, const PixelRect& box, const Colour& colour, const Look& look,
              const Canvas& canvas) {
  const double radius = look.line * 3;
  const auto reach = static_cast<std::int64_t>(std::ceil(look.line + radius));
  const auto draw = [&](cairo_t* cr) {
    rounded_rectangle(cr, static_cast<double>(box.x), static_cast<double>(box.y),
                      static_cast<double>(box.width), static_cast<double>(box.height), radius);
    cairo_set_source_rgba(cr, 0, 0, 0, 0.35);  // A dark rim: light frames show on light pictures, too.
    cairo_set_line_width(cr, look.line + 1.5);
    cairo_stroke_preserve(cr);
    cairo_set_source_rgb(cr, colour.red, colour.green, colour.blue);
    cairo_set_line_width(cr, look.line);
    cairo_stroke(cr);
  };
  const std::int64_t half = reach, left = box.x - half, top = box.y - half;
  const std::int64_t right = box.x + box.width - half, bottom = box.y + box.height - half;
  const std::int64_t inner = std::max<std::int64_t>(0, bottom - (box.y + half));
  const std::int64_t thick = 2 * half;
  const PixelRect strips[] = {{left, top, box.width + thick, thick},
                              {left, std::max(bottom, top + thick), box.width + thick, thick},
                              {left, box.y + half, thick, inner},
                              {std::max(right, left + thick), box.y + half, thick, inner}};
  for (const PixelRect& strip : strips) add_patch(patches, strip, canvas, draw);
}

std::string markup(const Identity& identity, bool show_distance) {
  // A label that says "unknown" would be said too soon.
  if (identity.reason == Reason::Undecided) return "…";
  gchar* valid = g_utf8_make_valid(identity.label.c_str(), -1);
  gchar* escaped = g_markup_escape_text(valid, -1);
  // An isolate (U+2068 to U+2069): the direction of a name's letters stays its own, and the distance behind
  // it.
  std::string text = std::string("\u2068") + escaped + "\u2069";
  g_free(escaped);
  g_free(valid);
  if (show_distance && identity.distance) {
    char distance[48];
    g_ascii_formatd(distance, sizeof distance, "%.2f", static_cast<double>(*identity.distance));
    text += std::string("<span weight=\"normal\" alpha=\"75%\">  ") + distance + "</span>";
  }
  return text;
}

LayoutPtr make_layout(cairo_t* cr, const std::string& text, const OverlaySettings& settings, const Look& look,
                      int frame_width) {
  LayoutPtr layout(pango_cairo_create_layout(cr));
  PangoFontDescription* font = pango_font_description_from_string(settings.font.c_str());
  pango_font_description_set_absolute_size(font, look.text * PANGO_SCALE);
  pango_layout_set_font_description(layout.get(), font);
  pango_font_description_free(font);
  pango_layout_set_single_paragraph_mode(layout.get(), TRUE);
  pango_layout_set_markup(layout.get(), text.c_str(), -1);
  // One long name does not take the width of the frame from all others, unless the frame is small.
  const double most = std::min<double>(frame_width, std::max(frame_width / 2.0, 16 * look.text));
  const int room = std::max(1, static_cast<int>(most - 4 * look.padding));
  int width = 0;
  pango_layout_get_pixel_size(layout.get(), &width, nullptr);
  if (width > room) {
    pango_layout_set_width(layout.get(), room * PANGO_SCALE);
    pango_layout_set_ellipsize(layout.get(), PANGO_ELLIPSIZE_END);
  }
  return layout;
}

/// Whether fonts have all letters of the label.
bool draw_label(std::vector<Patch>& patches, const PixelRect& box, const Identity& identity,
                const Colour& colour, const Look& look, const Canvas& canvas, const OverlaySettings& settings,
                LabelPlaces& places) {
  const std::string text = markup(identity, settings.show_distance);
  const SurfacePtr scratch(cairo_image_surface_create(CAIRO_FORMAT_ARGB32, 1, 1));
  const CairoPtr measure(cairo_create(scratch.get()));
  int width = 0, height = 0;
  const LayoutPtr layout = make_layout(measure.get(), text, settings, look, canvas.width());
  pango_layout_get_pixel_size(layout.get(), &width, &height);
  const PixelRect label = places.place(box, static_cast<std::int64_t>(std::ceil(width + 2 * look.padding)),
                                       static_cast<std::int64_t>(std::ceil(height + look.padding)),
                                       static_cast<std::int64_t>(std::ceil(look.line)));
  add_patch(patches, label, canvas, [&](cairo_t* cr) {
    const auto x = static_cast<double>(label.x), y = static_cast<double>(label.y);
    rounded_rectangle(cr, x, y, static_cast<double>(label.width), static_cast<double>(label.height),
                      look.padding);
    cairo_set_source_rgba(cr, colour.red, colour.green, colour.blue, 0.88);
    cairo_fill(cr);
    const bool bright = 0.299 * colour.red + 0.587 * colour.green + 0.114 * colour.blue > 0.55;
    const double ink = bright ? 0.07 : 1.0;
    cairo_set_source_rgb(cr, ink, ink, ink);
    cairo_move_to(cr, x + look.padding, y + look.padding / 2);
    pango_cairo_show_layout(cr, layout.get());
  });
  return pango_layout_get_unknown_glyphs_count(layout.get()) == 0;
}

}  // namespace

const std::vector<ElementOption>& overlay_options() {
  static const std::vector<ElementOption> options = {
      {kOptions[0], Takes::AtOnce}, {kOptions[1], Takes::AtOnce}, {kOptions[2], Takes::AtOnce},
      {kOptions[3], Takes::AtOnce}, {kOptions[4], Takes::AtOnce}, {kOptions[5], Takes::AtOnce}};
  return options;
}

OverlaySettings OverlaySettings::from(const OptionValues& values) {
  return {values.text("font"),
          values.flag("show-distance"),
          static_cast<std::size_t>(values.integer("max-faces")),
          cover_of(values.text("cover")),
          style_of(values.text("cover-style")),
          std::int64_t{1000000} * values.integer("cover-hold")};
}

Colour identity_colour(const Face& face) {
  if (!face.identity || face.identity->label_id < 0) return kUnknown;
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : face.identity->label) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return kNamed[(hash ^ hash >> 16) % std::size(kNamed)];
}

void draw_faces(const std::vector<Face>& faces, int frame_width, int frame_height,
                const OverlaySettings& settings, double pixel_aspect,
                const std::function<void(const std::vector<Patch>&)>& blend, bool* missing_letters) {
  const Canvas canvas{frame_width, frame_height, pixel_aspect};
  const Look look(std::min(frame_width, frame_height));
  std::vector<const Face*> seen;
  for (const Face& face : faces) {
    PixelRect visible = face.box;
    if (clip(visible, frame_width, frame_height)) seen.push_back(&face);
  }
  // From left to right, whatever order a detector finds them in, so that labels stay where they are.
  std::stable_sort(seen.begin(), seen.end(),
                   [](const Face* a, const Face* b) { return a->box.x < b->box.x; });
  std::vector<PixelRect> boxes;
  boxes.reserve(seen.size());
  for (const Face* face : seen) boxes.push_back(canvas.shown(face->box));
  std::vector<Patch> patches;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    patches.clear();
    draw_box(patches, boxes[i], identity_colour(*seen[i]), look, canvas);
    blend(patches);
  }
  LabelPlaces places(canvas.width(), frame_height, boxes);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (!seen[i]->identity) continue;
    patches.clear();
    const bool whole = draw_label(patches, boxes[i], *seen[i]->identity, identity_colour(*seen[i]), look,
                                  canvas, settings, places);
    if (missing_letters != nullptr && !whole) *missing_letters = true;
    blend(patches);
  }
}

std::vector<Patch> draw_faces(const std::vector<Face>& faces, int frame_width, int frame_height,
                              const OverlaySettings& settings, double pixel_aspect, bool* missing_letters) {
  std::vector<Patch> all;
  const auto keep = [&](const std::vector<Patch>& some) { all.insert(all.end(), some.begin(), some.end()); };
  draw_faces(faces, frame_width, frame_height, settings, pixel_aspect, keep, missing_letters);
  return all;
}

}  // namespace embed::gst
