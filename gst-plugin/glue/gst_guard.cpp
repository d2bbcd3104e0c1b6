// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/gst_guard.h"

#include "embed/error.h"

namespace embed::gst {
namespace {

struct DomainCode {
  GQuark domain;
  gint code;
};

DomainCode domain_code(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::NotFound:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND};
    case ErrorCode::Io:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ};
    case ErrorCode::Format:
      return {GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT};
    case ErrorCode::Mismatch:
      return {GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE};
    case ErrorCode::InvalidArgument:
    case ErrorCode::Unsupported:
      return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS};
    case ErrorCode::OutOfMemory:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT};
    case ErrorCode::Device:
    case ErrorCode::Internal:
      break;
  }
  return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED};
}

void post(GstElement* element, GstMessageType type, const std::exception& error) noexcept {
  const auto* ours = dynamic_cast<const Error*>(&error);
  const auto where = domain_code(ours != nullptr ? ours->code() : ErrorCode::Internal);
  gchar* debug = g_strdup_printf("embed::ErrorCode: %s", ours != nullptr ? to_string(ours->code()) : "none");
  gst_element_message_full(element, type, where.domain, where.code, g_strdup(error.what()), debug, __FILE__,
                           GST_FUNCTION, __LINE__);
}

}  // namespace

void post_error(GstElement* element, const std::exception& error) noexcept {
  post(element, GST_MESSAGE_ERROR, error);
}

void post_warning(GstElement* element, const std::exception& error) noexcept {
  post(element, GST_MESSAGE_WARNING, error);
}

}  // namespace embed::gst
