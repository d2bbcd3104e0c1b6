// SPDX-License-Identifier: LGPL-2.1-or-later
// The elements' properties as gst-launch takes them from text, a line `name=value` each.
#include <gst/gst.h>

#include <algorithm>
#include <sstream>

#include "glue/element_settings.h"
#include "glue/gobject_options.h"
#include "sessions/detect_session.h"
#include "sessions/embed_settings.h"
#include "sessions/json_session.h"
#include "sessions/overlay_session.h"
#include "values.h"

namespace fuzz {

namespace {

/// The tables of all elements in one. Where two have an option of one name, the first is taken.
const std::vector<embed::gst::ElementOption>& all_options() {
  static const auto options = [] {
    std::vector<embed::gst::ElementOption> all;
    for (const auto* table : {&embed::gst::embed_options(), &embed::gst::detect_options(),
                              &embed::gst::json_options(), &embed::gst::overlay_options()}) {
      for (const auto& option : *table) {
        const auto same = [&](const auto& other) {
          return std::string_view(other.spec.name) == option.spec.name;
        };
        if (std::none_of(all.begin(), all.end(), same)) all.push_back(option);
      }
    }
    return all;
  }();
  return options;
}

}  // namespace

}  // namespace fuzz

/// The values without what an element would make of them.
class HeldOptions : public embed::gst::ElementOptions {
 public:
  using ElementOptions::ElementOptions;
  using ElementOptions::values;

 private:
  void changed() override {}
};

struct FuzzElement {
  GstElement parent;
  HeldOptions* options;
};
struct FuzzElementClass {
  GstElementClass parent;
};

G_DEFINE_TYPE(FuzzElement, fuzz_element, GST_TYPE_ELEMENT)

static FuzzElement* element_of(GObject* object) {
  return reinterpret_cast<FuzzElement*>(object);
}

static void fuzz_element_init(FuzzElement* self) {
  self->options = new HeldOptions(GST_ELEMENT(self), fuzz::all_options());
}

static void fuzz_element_finalize(GObject* object) {
  delete element_of(object)->options;
  G_OBJECT_CLASS(fuzz_element_parent_class)->finalize(object);
}

static void fuzz_element_class_init(FuzzElementClass* klass) {
  GObjectClass* object_class = G_OBJECT_CLASS(klass);
  object_class->finalize = fuzz_element_finalize;
  object_class->set_property = [](GObject* object, guint id, const GValue* value, GParamSpec* spec) {
    element_of(object)->options->set_property(id, value, spec);
  };
  object_class->get_property = [](GObject* object, guint id, GValue* value, GParamSpec* spec) {
    element_of(object)->options->get_property(id, value, spec);
  };
  embed::gst::install_options(object_class, "GstFuzz", fuzz::all_options());
}

namespace fuzz {

namespace {

void check(const embed::gst::OptionValues& values) {
  for (std::size_t i = 0; i < values.options().size(); ++i) {
    const embed::OptionSpec& spec = values.options()[i].spec;
    const auto within = [&spec](double value) { return value >= spec.minimum && value <= spec.maximum; };
    const auto& value = values.at(i);
    if (spec.type == embed::OptionType::Int && !within(static_cast<double>(std::get<std::int64_t>(value))))
      broken("a whole number is in its range");
    if (spec.type == embed::OptionType::Double && !within(std::get<double>(value)))
      broken("a number is in its range");
    const auto choices = embed::gst::split_choices(spec.choices);
    if (spec.type == embed::OptionType::Choice &&
        std::find(choices.begin(), choices.end(), std::get<std::string>(value)) == choices.end())
      broken("a choice is one of those that there are");
  }
}

}  // namespace

std::vector<Bytes> seeds() {
  std::vector<Bytes> files;
  std::string all;
  for (const auto& option : all_options()) {
    const std::string line = std::string(option.spec.name) + "=" + option.spec.default_value + "\n";
    files.emplace_back(line.begin(), line.end());
    all += line;
  }
  files.emplace_back(all.begin(), all.end());
  for (const std::string line :
       {"far=1e-5\nthreshold=(double)0.5\nk=0x10\n", "precision=(string)int8\nqos=no\n",
        "batch-timeout=nan\nmargin=-inf\n", "unknown-label=\"a b\"\nfont=\xFF\n"})
    files.emplace_back(line.begin(), line.end());
  return files;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static GstElement* const element = [] {
    gst_init(nullptr, nullptr);
    // Of newer GLibs a value out of range is a critical warning of GObject's, which is what refuses it.
    for (const char* domain : {static_cast<const char*>(nullptr), "GStreamer", "GLib"})
      g_log_set_fatal_mask(domain, static_cast<GLogLevelFlags>(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL));
    return GST_ELEMENT(gst_object_ref_sink(g_object_new(fuzz_element_get_type(), nullptr)));
  }();
  HeldOptions*& options = element_of(G_OBJECT(element))->options;
  delete options;
  options = new HeldOptions(element, fuzz::all_options());
  std::istringstream lines(std::string(reinterpret_cast<const char*>(data), size));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t sign = line.find('=');
    if (sign == std::string::npos) continue;
    const std::string name = line.substr(0, sign), value = line.substr(sign + 1);
    GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), name.c_str());
    if (spec == nullptr || spec->owner_type != G_OBJECT_TYPE(element)) continue;
    gst_util_set_object_arg(G_OBJECT(element), name.c_str(), value.c_str());
    GValue held = G_VALUE_INIT;
    g_value_init(&held, spec->value_type);
    g_object_get_property(G_OBJECT(element), name.c_str(), &held);
    g_value_unset(&held);
  }
  fuzz::check(options->values());
  return 0;
}
