#pragma once

#include <string>
#include <utility>

namespace committest {

/// A text that must not be shown: a password, a token, a private key.
///
/// Nothing turns it into text but `Reveal`, so that neither a log field nor a message takes it by
/// mistake, and each place that uses the value can be found by that word. The memory is overwritten
/// when it goes.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string value) : value_(std::move(value)) {}
  ~SecretText();
  SecretText(const SecretText&) = default;
  SecretText(SecretText&&) noexcept = default;
  SecretText& operator=(const SecretText&) = default;
  SecretText& operator=(SecretText&&) noexcept = default;

  const std::string& Reveal() const { return value_; }
  bool IsEmpty() const { return value_.empty(); }

  bool operator==(const SecretText&) const = default;

 private:
  std::string value_;
};

}  // namespace committest
