// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <stdexcept>
#include <string>

namespace embed {

/// The kind of an error, for programs. The text of an Error is for people.
enum class ErrorCode {
  InvalidArgument,  ///< A value passed by the caller is outside what the function takes.
  NotFound,         ///< A file, device or name does not exist.
  Io,               ///< The operating system refused to open, read or write.
  Format,           ///< A file's content breaks its format (truncated, wrong kind, bad field).
  Mismatch,         ///< Two valid things do not belong together (a gallery and other weights).
  Unsupported,      ///< A well-formed request that this build or machine cannot serve.
  Device,           ///< The compute device failed.
  OutOfMemory,      ///< The system has no memory left to give.
  Internal,         ///< A broken invariant: a bug in this library.
};

/// The short name of a code, e.g. "format". Never null.
const char* to_string(ErrorCode code) noexcept;

/// The one exception type that libembed throws.
///
/// `what()` is a complete sentence for people and already names the file and the field where there are any.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message);
  /// `file` and `field` may be empty; those that are not are put before the message.
  Error(ErrorCode code, const std::string& message, std::string file, std::string field = {});

  ErrorCode code() const noexcept { return code_; }
  const std::string& file() const noexcept { return file_; }
  const std::string& field() const noexcept { return field_; }

 private:
  ErrorCode code_;
  std::string file_;
  std::string field_;
};

}  // namespace embed
