#pragma once

#include <cstdint>
#include <memory>

namespace committest {

/// The one source of randomness. Thread-safe. Not for secrets.
class Random {
 public:
  virtual ~Random() = default;
  /// Uniform in [0, 2^64).
  virtual std::uint64_t Next() = 0;

  /// Uniform in [0, 1).
  double Fraction() { return static_cast<double>(Next() >> 11U) * 0x1.0p-53; }
};

/// Seeded from the operating system.
std::unique_ptr<Random> MakeSystemRandom();

/// The same seed gives the same sequence, for tests and simulation.
std::unique_ptr<Random> MakeSeededRandom(std::uint64_t seed);

}  // namespace committest
