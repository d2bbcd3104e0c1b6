// SPDX-License-Identifier: LGPL-2.1-or-later
#include "elements/gallery_signals.h"

#include <exception>
#include <string>

#include "glue/gst_guard.h"

namespace embed::gst {
namespace {

GalleryActions& (*find_actions)(GstElement*) = nullptr;

/// Runs an action of the element's. Names may be null, as any pointer that an application gives.
template <typename Action>
gboolean act(GstElement* element, const char* name, Action&& action) noexcept {
  try {
    GalleryActions& actions = find_actions(element);
    const std::string text = name == nullptr ? "" : name;
    if (const auto remark = actions.remark_on(text))
      GST_ELEMENT_INFO(element, RESOURCE, SETTINGS, ("%s", remark->c_str()), (nullptr));
    action(actions, text);
    return TRUE;
  } catch (const std::exception& error) {
    post_warning(element, error);
    return FALSE;
  }
}

const char* text_of(const char* name) {
  return name == nullptr ? "" : name;
}

gboolean enroll(GstElement* element, const char* name, gint track) {
  return act(element, name, [&](auto& actions, const auto& text) { actions.enroll(text, track); });
}

gboolean reject(GstElement* element, const char* name, gint track) {
  return act(element, name, [&](auto& actions, const auto& text) { actions.reject(text, track); });
}

gboolean name_stranger(GstElement* element, const char* group, const char* name) {
  return act(element, name,
             [&](auto& actions, const auto& text) { actions.name_stranger(text_of(group), text); });
}

gboolean forget(GstElement* element, const char* name) {
  return act(element, name, [&](auto& actions, const auto& text) { actions.forget(text); });
}

gboolean rename_person(GstElement* element, const char* from, const char* to) {
  return act(element, to, [&](auto& actions, const auto& text) { actions.rename(text_of(from), text); });
}

gboolean merge(GstElement* element, const char* from, const char* into) {
  return act(element, into, [&](auto& actions, const auto& text) { actions.merge(text_of(from), text); });
}

gboolean save(GstElement* element) {
  return act(element, nullptr, [](auto& actions, const auto&) { actions.save(); });
}

gboolean reload(GstElement* element) {
  return act(element, nullptr, [](auto& actions, const auto&) { actions.reload(); });
}

template <typename... Types>
void install(GObjectClass* object_class, const char* name, GCallback handler, Types... types) {
  g_signal_new_class_handler(name, G_OBJECT_CLASS_TYPE(object_class),
                             static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION), handler, nullptr,
                             nullptr, nullptr, G_TYPE_BOOLEAN, sizeof...(types), types...);
}

}  // namespace

void install_gallery_signals(GObjectClass* object_class, GalleryActions& (*actions_of)(GstElement*)) {
  find_actions = actions_of;
  install(object_class, "enroll", G_CALLBACK(enroll), G_TYPE_STRING, G_TYPE_INT);
  install(object_class, "reject", G_CALLBACK(reject), G_TYPE_STRING, G_TYPE_INT);
  install(object_class, "name-stranger", G_CALLBACK(name_stranger), G_TYPE_STRING, G_TYPE_STRING);
  install(object_class, "forget", G_CALLBACK(forget), G_TYPE_STRING);
  install(object_class, "rename", G_CALLBACK(rename_person), G_TYPE_STRING, G_TYPE_STRING);
  install(object_class, "merge", G_CALLBACK(merge), G_TYPE_STRING, G_TYPE_STRING);
  install(object_class, "save", G_CALLBACK(save));
  install(object_class, "reload", G_CALLBACK(reload));
}

}  // namespace embed::gst
