// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/gobject_options.h"

#include <cctype>
#include <string>
#include <utility>

#include "glue/element_settings.h"
#include "glue/gst_guard.h"

namespace embed::gst {
namespace {

std::string camel_case(const char* name) {
  std::string out;
  bool upper = true;
  for (const char* c = name; *c != '\0'; ++c) {
    if (*c == '-') {
      upper = true;
      continue;
    }
    out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(*c))) : *c;
    upper = false;
  }
  return out;
}

// GLib keeps the pointers of an enumeration's values for ever; so they are handed over for good.
GType register_choice(const char* prefix, const OptionSpec& spec) {
  const std::string type_name = prefix + camel_case(spec.name);
  if (const GType known = g_type_from_name(type_name.c_str()); known != 0) return known;
  const auto names = split_choices(spec.choices);
  auto* values = g_new0(GEnumValue, names.size() + 1);
  for (std::size_t i = 0; i < names.size(); ++i) {
    values[i].value = static_cast<gint>(i);
    values[i].value_nick = g_strdup(names[i].c_str());
    values[i].value_name = values[i].value_nick;
  }
  return g_enum_register_static(g_intern_string(type_name.c_str()), values);
}

GParamSpec* make_param(const char* prefix, const ElementOption& option, const OptionValue& preset) {
  const OptionSpec& spec = option.spec;
  const auto flags = static_cast<GParamFlags>(
      (option.secret ? G_PARAM_WRITABLE : G_PARAM_READWRITE) | G_PARAM_STATIC_STRINGS |
      (option.takes == Takes::AtOnce ? GST_PARAM_MUTABLE_PLAYING : GST_PARAM_MUTABLE_READY));
  switch (spec.type) {
    case OptionType::Bool:
      return g_param_spec_boolean(spec.name, spec.name, spec.blurb, std::get<bool>(preset), flags);
    case OptionType::Int:
      return g_param_spec_int(spec.name, spec.name, spec.blurb, static_cast<gint>(spec.minimum),
                              static_cast<gint>(spec.maximum),
                              static_cast<gint>(std::get<std::int64_t>(preset)), flags);
    case OptionType::Double:
      return g_param_spec_double(spec.name, spec.name, spec.blurb, spec.minimum, spec.maximum,
                                 std::get<double>(preset), flags);
    case OptionType::String:
      break;
    case OptionType::Choice: {
      const GType type = register_choice(prefix, spec);
      auto* enum_class = static_cast<GEnumClass*>(g_type_class_ref(type));
      const gint value = g_enum_get_value_by_nick(enum_class, std::get<std::string>(preset).c_str())->value;
      g_type_class_unref(enum_class);
      return g_param_spec_enum(spec.name, spec.name, spec.blurb, type, value, flags);
    }
  }
  const auto& text = std::get<std::string>(preset);
  return g_param_spec_string(spec.name, spec.name, spec.blurb, text.empty() ? nullptr : spec.default_value,
                             flags);
}

OptionValue read_value(const OptionSpec& spec, const GValue* value) {
  switch (spec.type) {
    case OptionType::Bool:
      return g_value_get_boolean(value) != FALSE;
    case OptionType::Int:
      return static_cast<std::int64_t>(g_value_get_int(value));
    case OptionType::Double:
      return g_value_get_double(value);
    case OptionType::Choice:
      return split_choices(spec.choices).at(static_cast<std::size_t>(g_value_get_enum(value)));
    case OptionType::String:
      break;
  }
  const gchar* text = g_value_get_string(value);
  return std::string(text != nullptr ? text : "");
}

// False for an id that is none of the options'.
bool get_option(const OptionValues& values, guint property_id, GValue* value) {
  const std::size_t index = property_id - 1;
  if (property_id == 0 || index >= values.options().size()) return false;
  const OptionSpec& spec = values.options()[index].spec;
  const OptionValue& held = values.at(index);
  switch (spec.type) {
    case OptionType::Bool:
      g_value_set_boolean(value, std::get<bool>(held) ? TRUE : FALSE);
      break;
    case OptionType::Int:
      g_value_set_int(value, static_cast<gint>(std::get<std::int64_t>(held)));
      break;
    case OptionType::Double:
      g_value_set_double(value, std::get<double>(held));
      break;
    case OptionType::String: {
      const auto& text = std::get<std::string>(held);
      g_value_set_string(value, text.empty() ? nullptr : text.c_str());
      break;
    }
    case OptionType::Choice: {
      const auto names = split_choices(spec.choices);
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == std::get<std::string>(held)) g_value_set_enum(value, static_cast<gint>(i));
      }
      break;
    }
  }
  return true;
}

}  // namespace

void install_options(GObjectClass* object_class, const char* prefix,
                     const std::vector<ElementOption>& options) {
  const OptionValues presets(options);
  for (std::size_t i = 0; i < options.size(); ++i) {
    g_object_class_install_property(object_class, static_cast<guint>(i + 1),
                                    make_param(prefix, options[i], presets.at(i)));
  }
}

void add_pads(GstElementClass* element_class, const char* sink_caps, const char* src_caps) {
  const auto add = [element_class](const char* name, GstPadDirection direction, const char* text) {
    g_autoptr(GstCaps) caps = gst_caps_from_string(text);
    gst_element_class_add_pad_template(element_class,
                                       gst_pad_template_new(name, direction, GST_PAD_ALWAYS, caps));
  };
  add("sink", GST_PAD_SINK, sink_caps);
  add("src", GST_PAD_SRC, src_caps);
}

void add_pads(GstElementClass* element_class, const char* caps) {
  add_pads(element_class, caps, caps);
}

ElementOptions::Result ElementOptions::take(guint id, const GValue* value) {
  const std::size_t index = id - 1;
  if (id == 0 || index >= values_.options().size()) return Result::Unknown;
  const ElementOption& option = values_.options()[index];
  OptionValue wanted = read_value(option.spec, value);
  if (wanted == values_.at(index)) return Result::Taken;
  // What is taken at the start is taken on the way to READY and to PAUSED; so the state that comes next
  // counts too.
  const bool started = GST_STATE(element_) > GST_STATE_READY || GST_STATE_NEXT(element_) > GST_STATE_READY;
  if (option.takes == Takes::AtStart && started) return Result::Refused;
  values_.set(index, std::move(wanted));
  changed();
  return Result::Taken;
}

void ElementOptions::set_property(guint id, const GValue* value, GParamSpec* spec) noexcept {
  guarded(element_, [&] {
    const Result result = [&] {
      const ObjectLock lock(element_);
      return take(id, value);
    }();
    if (result == Result::Unknown) G_OBJECT_WARN_INVALID_PROPERTY_ID(element_, id, spec);
    if (result != Result::Refused) return;
    GST_ELEMENT_WARNING(
        element_, LIBRARY, SETTINGS,
        ("the property '%s' cannot change in PAUSED or PLAYING and stays as it was: set it in READY "
         "or NULL",
         g_param_spec_get_name(spec)),
        (nullptr));
  });
}

void ElementOptions::get_property(guint id, GValue* value, GParamSpec* spec) const noexcept {
  guarded(element_, [&] {
    const bool known = [&] {
      const ObjectLock lock(element_);
      return get_option(values_, id, value);
    }();
    if (!known) G_OBJECT_WARN_INVALID_PROPERTY_ID(element_, id, spec);
  });
}

}  // namespace embed::gst
