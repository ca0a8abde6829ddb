#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/api/commit_id.h"
#include "common/api/commit_test.h"

namespace committest::api {

// Labels of everything that the product makes.
inline constexpr const char* kRepositoryLabel = "committest.dev/repository";
inline constexpr const char* kBranchLabel = "committest.dev/branch";
inline constexpr const char* kCommitTestLabel = "committest.dev/committest";
inline constexpr const char* kManagedByLabel = "app.kubernetes.io/managed-by";
inline constexpr const char* kManagedByValue = "committest-operator";
// Annotations.
inline constexpr const char* kRefAnnotation = "committest.dev/ref";
inline constexpr const char* kAttemptAnnotation = "committest.dev/attempt";
inline constexpr const char* kSpecHashAnnotation = "committest.dev/spec-hash";

/// `<repository>-<commit 12>-<config 6>`: a function of repository, commit and test configuration,
/// so that poll, webhook and a second observer all arrive at the same name. `config 6` is the start
/// of the SHA-256 of the canonical JSON of tests and execution. A repository name that would make
/// the whole longer than 63 characters is cut and gets 6 digits of its own hash.
///
/// `tests` and `execution` are those that count in the end, whether a template or the commit's own
/// file says so. Of a file that is wrong they are the template's, and `refused_file` names its
/// content: the same file has the same name again, and another one if it is corrected.
std::string CommitTestName(std::string_view repository, std::string_view commit,
                           const TestsSpec& tests, const ExecutionSpec& execution,
                           std::string_view refused_file = {});

/// `<CommitTest name, cut>-<8 hex of SHA-256(UID)>-<attempt>`, at most 63 characters and a valid
/// DNS label, because the Job controller copies it into a label of the Pod. `reserved` bytes less
/// where it appends something.
std::string JobName(std::string_view commit_test_name, std::string_view commit_test_uid,
                    std::int64_t attempt, std::size_t reserved = 0);

/// `text` as a valid label value: characters outside [A-Za-z0-9_.-] become '-'; at most 63, begins
/// and ends with an alphanumeric; what had to be changed gets '-' and 6 digits of its hash, so that
/// different texts stay different. Empty stays empty.
std::string LabelValue(std::string_view text);

/// "main" of "refs/heads/main", "tags/v1" of "refs/tags/v1"; anything else unchanged.
std::string ShortRef(std::string_view ref);

}  // namespace committest::api
