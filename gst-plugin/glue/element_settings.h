// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <memory>
#include <utility>
#include <vector>

#include "glue/object_lock.h"
#include "sessions/option_values.h"

namespace embed::gst {

/// The properties that install_options gave an element: their values, guarded by its object lock.
class ElementOptions {
 public:
  /// `element` must outlive this object.
  ElementOptions(GstElement* element, const std::vector<ElementOption>& options)
      : element_(element), values_(options) {}
  virtual ~ElementOptions() = default;
  ElementOptions(const ElementOptions&) = delete;
  ElementOptions& operator=(const ElementOptions&) = delete;

  /// The bodies of the class's set_property and get_property. A value that cannot change in the element's
  /// state is refused with a warning on the bus; to set what the value is already is never refused. An
  /// exception becomes an element error. Any thread.
  void set_property(guint id, const GValue* value, GParamSpec* spec) noexcept;
  void get_property(guint id, GValue* value, GParamSpec* spec) const noexcept;

 protected:
  GstElement* element() const noexcept { return element_; }
  const OptionValues& values() const noexcept { return values_; }
  /// Called under the object lock when a value has changed.
  virtual void changed() = 0;

 private:
  enum class Result {
    Taken,
    Refused,  // The element is on its way to PAUSED or beyond, and the option is Takes::AtStart.
    Unknown,  // Not a property of install_options.
  };
  Result take(guint id, const GValue* value);

  GstElement* element_;
  OptionValues values_;
};

/// The same as a value that a frame keeps while the properties change: `Settings::from(values)`, made anew
/// with each change.
template <typename Settings>
class ElementSettings : public ElementOptions {
 public:
  ElementSettings(GstElement* element, const std::vector<ElementOption>& options)
      : ElementOptions(element, options), settings_(make()) {}

  /// Takes the object lock. Any thread.
  std::shared_ptr<const Settings> get() const {
    const ObjectLock lock(element());
    return settings_;
  }

 private:
  std::shared_ptr<const Settings> make() const {
    return std::make_shared<const Settings>(Settings::from(values()));
  }
  void changed() override { settings_ = make(); }

  std::shared_ptr<const Settings> settings_;
};

}  // namespace embed::gst
