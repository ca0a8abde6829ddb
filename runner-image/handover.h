#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "common/base/result.h"

namespace committest::runner {

/// What the container that checks out leaves to the one that runs the tests, in a folder that the
/// tests can only read: this program, and a record of what was checked out.
struct Handover {
  std::string commit;  ///< As `git rev-parse HEAD` says.
  std::int64_t checkout_ms = 0;
};

/// The name of the program in the folder.
inline constexpr const char* kHandedOverProgram = "committest-runner";

/// Copies the running program to `folder` and writes the record, which stands for that all of it is
/// there. What an earlier try left is replaced. kInternal says what could not be written.
Status HandOver(const std::filesystem::path& folder, const Handover& handover);

/// kInternal: there is no record, or it cannot be read.
Result<Handover> TakeOver(const std::filesystem::path& folder);

}  // namespace committest::runner
