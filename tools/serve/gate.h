// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "serve/web_server.h"

namespace serve {

/// Whether an address is one that other computers cannot reach: 127.x.x.x, ::1 or localhost.
bool is_loopback(const std::string& address);

/// 128 bits that nobody can guess, as hex digits. Throws embed::Error(Io).
std::string random_token();

/// Who may ask for what. Thread-safe.
///
/// Every request must name a host that is meant: localhost, an address in digits, or one of `hosts`. A page
/// of somebody else's whose name was made to lead here (DNS rebinding) names another. What changes something
/// must carry the page's token, which only the page itself can read, and must not come from another page.
/// With a token of the operator's, all but the page's own files needs a session, which check_in() begins.
class Gate {
 public:
  struct Options {
    int port = 0;
    std::string token;               ///< The operator's; empty: whoever reaches the address may look.
    std::vector<std::string> hosts;  ///< Other names that the page may be called by.
    bool read_only = false;
  };
  explicit Gate(Options options);

  /// A reply to what may not be asked for, in that case.
  std::optional<Reply> refusal(const Request& request);
  /// The reply to an operator's token. It is refused for a while after many wrong ones.
  Reply check_in(const std::string& token);

  /// What a change has to carry in the header X-Page-Token.
  const std::string& page_token() const noexcept { return page_token_; }
  bool read_only() const noexcept { return options_.read_only; }

 private:
  bool host_is_meant(const std::string& host) const;
  bool has_session(const Request& request) const;
  std::optional<Reply> refusal_of_change(const Request& request) const;
  std::string cookie_name() const;

  const Options options_;
  const std::string page_token_, session_;
  std::atomic<std::int64_t> wrong_until_{0};  // Milliseconds: when the wrong tokens are forgiven.
};

}  // namespace serve
