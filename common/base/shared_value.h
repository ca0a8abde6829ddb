#pragma once

#include <memory>
#include <utility>

namespace committest {

/// A value that is large, never changed in place, and mostly the default: copies share it, and all
/// that equal the default share that one. Never empty; thread-safe as a `std::shared_ptr` is.
template <typename T>
class SharedValue {
 public:
  SharedValue() : value_(Default()) {}
  /// Implicit, because it stands for the value.
  SharedValue(T value)
      : value_(value == *Default() ? Default() : std::make_shared<const T>(std::move(value))) {}

  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }

  bool operator==(const SharedValue& other) const {
    return value_ == other.value_ || *value_ == *other.value_;
  }

 private:
  static const std::shared_ptr<const T>& Default() {
    static const auto kDefault = std::make_shared<const T>();
    return kDefault;
  }

  std::shared_ptr<const T> value_;
};

}  // namespace committest
