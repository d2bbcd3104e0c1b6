// SPDX-License-Identifier: LGPL-2.1-or-later
// When properties may change: as their GST_PARAM_MUTABLE flags say, and never in silence.
#include <gtest/gtest.h>

#include "gst_support.h"

namespace {

/// A text that may be any of the properties: a gallery, of which a name alone is not enough.
std::string another_text() {
  return fixtures::write_gallery(fixtures::temp_dir() + "/another", gsttest::quick_weights_file(), {});
}

/// Sets a value other than the present one, of the property's own kind.
void change(GstElement* element, GParamSpec* spec) {
  GValue value = G_VALUE_INIT;
  g_value_init(&value, spec->value_type);
  g_object_get_property(G_OBJECT(element), spec->name, &value);
  if (G_IS_PARAM_SPEC_BOOLEAN(spec)) {
    g_value_set_boolean(&value, !g_value_get_boolean(&value));
  } else if (G_IS_PARAM_SPEC_INT(spec)) {
    const auto* range = G_PARAM_SPEC_INT(spec);
    g_value_set_int(&value, g_value_get_int(&value) == range->maximum ? range->minimum : range->maximum);
  } else if (G_IS_PARAM_SPEC_DOUBLE(spec)) {
    const auto* range = G_PARAM_SPEC_DOUBLE(spec);
    g_value_set_double(&value,
                       g_value_get_double(&value) == range->maximum ? range->minimum : range->maximum);
  } else if (G_IS_PARAM_SPEC_ENUM(spec)) {
    g_value_set_enum(&value, g_value_get_enum(&value) == 0 ? 1 : 0);
  } else {
    g_value_set_string(&value, another_text().c_str());
  }
  g_object_set_property(G_OBJECT(element), spec->name, &value);
  g_value_unset(&value);
}

std::string text_of(GstElement* element, GParamSpec* spec) {
  GValue value = G_VALUE_INIT;
  g_value_init(&value, spec->value_type);
  g_object_get_property(G_OBJECT(element), spec->name, &value);
  g_autofree gchar* text = g_strdup_value_contents(&value);
  g_value_unset(&value);
  return text;
}

std::string warning(gsttest::Bus& bus) {
  const auto message = bus.pop(GST_MESSAGE_WARNING);
  if (!message) return "";
  GError* error = nullptr;
  gst_message_parse_warning(message.get(), &error, nullptr);
  EXPECT_EQ(error->domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(error->code, GST_LIBRARY_ERROR_SETTINGS);
  std::string text = error->message;
  g_error_free(error);
  return text;
}

/// The element's own properties that can be written.
std::vector<GParamSpec*> properties(GstElement* element) {
  std::vector<GParamSpec*> own;
  guint count = 0;
  GParamSpec** all = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &count);
  for (guint i = 0; i < count; ++i) {
    if (all[i]->owner_type == G_OBJECT_TYPE(element) && (all[i]->flags & G_PARAM_WRITABLE) != 0)
      own.push_back(all[i]);
  }
  g_free(all);
  return own;
}

class Changes : public ::testing::TestWithParam<std::string> {};

TEST_P(Changes, AreTakenOrRefusedWithAWarningAsTheFlagsSay) {
  g_setenv("TRIPLETEMBED_MODEL", gsttest::quick_weights_file().c_str(), TRUE);
  for (const GstState state : {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING}) {
    gsttest::Harness harness(GetParam());
    gsttest::Bus bus(harness.element());
    ASSERT_EQ(gst_element_set_state(harness.element(), state), GST_STATE_CHANGE_SUCCESS);
    while (bus.pop(GST_MESSAGE_WARNING)) continue;
    for (GParamSpec* spec : properties(harness.element())) {
      const bool any_time = (spec->flags & GST_PARAM_MUTABLE_PLAYING) != 0;
      EXPECT_NE(any_time, (spec->flags & GST_PARAM_MUTABLE_READY) != 0) << spec->name;
      const std::string before = text_of(harness.element(), spec);
      change(harness.element(), spec);
      const bool taken = any_time || state == GST_STATE_READY;
      EXPECT_EQ(text_of(harness.element(), spec) != before, taken) << spec->name;
      const std::string said = warning(bus);
      if (taken) {
        EXPECT_EQ(said, "") << spec->name;
      } else {
        EXPECT_NE(said.find("'" + std::string(spec->name) + "'"), std::string::npos) << said;
      }
    }
    EXPECT_EQ(warning(bus), "");
    // On its way down the harness would take a bin from READY to PAUSED, which the changed files forbid.
    gst_element_set_locked_state(harness.element(), TRUE);
    EXPECT_EQ(gst_element_set_state(harness.element(), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  }
}

std::vector<std::string> elements() {
  std::vector<std::string> all{"tripletembed name=e", "tripletoverlay name=e", "triplettrack name=e",
                               "tripletjson name=e location=/dev/null"};
  if (GstElementFactory* detect = gst_element_factory_find("tripletdetect")) {
    all.emplace_back("tripletdetect name=e detector=haar");
    all.emplace_back("tripletbin name=e detect::detector=haar");
    gst_object_unref(detect);
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Of, Changes, ::testing::ValuesIn([] {
                           gst_init(nullptr, nullptr);
                           return elements();
                         }()),
                         [](const auto& which) { return which.param.substr(0, which.param.find(' ')); });

TEST(ChangesOfNothing, ToTheSameValueAreNone) {
  gsttest::Harness harness("tripletembed name=e threads=2 model=" + gsttest::quick_weights_file());
  gsttest::Bus bus(harness.element());
  g_object_set(harness.element(), "threads", 2, "model", gsttest::quick_weights_file().c_str(), nullptr);
  EXPECT_EQ(warning(bus), "");
}

}  // namespace
