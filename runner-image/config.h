#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "common/base/result.h"
#include "runner-image/environment.h"
#include "runner-image/summary.h"

namespace committest::runner {

/// The settings of a runner process, from its environment (CONTRACT.md lists the variables).
struct Config {
  std::filesystem::path workspace = "/workspace";  ///< The checkout becomes a folder of it.
  std::filesystem::path temporary = "/tmp";        ///< Writable; the tests' HOME is a folder of it.
  std::filesystem::path handover = "/committest";  ///< From the checkout to the run.
  std::filesystem::path credentials = "/credentials";  ///< Where the Secret is mounted.
  std::string credentials_secret;                      ///< Its name; empty: none is needed.
  SummaryTarget summary{"/dev/termination-log", false};
  std::uint64_t output_limit_bytes = std::uint64_t{64} * 1024 * 1024;
  std::chrono::milliseconds checkout_limit = std::chrono::seconds(120);
  std::chrono::milliseconds grace = std::chrono::seconds(5);
  std::int64_t shard_index = 0;  ///< Below the request's count; read by `ReadShardIndex`.
};

/// kInvalidArgument names the variable. Where the summary goes is read by `ReadSummaryTarget`, so
/// that this error too reaches its reader.
Result<Config> ReadConfig(const Environment& environment);

/// Total: the part of `Config` that every outcome needs.
SummaryTarget ReadSummaryTarget(const Environment& environment);

}  // namespace committest::runner
