#pragma once

#include <chrono>
#include <functional>

namespace committest {

/// Looks every few milliseconds whether `condition` holds; false if it does not within `patience`.
/// For what other threads or processes bring about; tests never sleep for a fixed time.
bool Eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds patience = std::chrono::seconds(20));

}  // namespace committest
