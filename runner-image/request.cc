#include "runner-image/request.h"

#include <charconv>
#include <string>

#include "common/base/glob.h"
#include "common/base/strings.h"
#include "common/git/url_policy.h"
#include "runner-image/source_policy.h"

namespace committest::runner {

Result<api::RunRequest> ReadRequest(const Environment& environment) {
  const auto text = environment.find(api::kRunRequestVariable);
  if (text == environment.end()) {
    return Fail(ErrorCode::kInvalidArgument,
                std::string("the variable ") + api::kRunRequestVariable + " is not set");
  }
  Result<api::RunRequest> request = api::ParseRunRequest(text->second);
  if (!request) return request;
  // Plain http is the observer's to allow, who hands out credentials.
  if (auto url = git::CheckUrl(request->url, {.allow_http = true}); !url) {
    return Fail(std::move(url.error()));
  }
  if (Status status = CheckRef(request->ref); !status) return Fail(std::move(status.error()));
  for (const std::string& glob : request->tests.report_paths) {
    if (Status status = CheckGlob(glob); !status) {
      return Fail(Context("a report path", std::move(status.error())));
    }
  }
  return request;
}

Result<std::int64_t> ReadShardIndex(const Environment& environment, std::int64_t count) {
  const auto found = environment.find("JOB_COMPLETION_INDEX");
  const std::string text = found == environment.end() ? "" : found->second;
  std::int64_t index = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error == std::errc() && end == text.data() + text.size() && index >= 0 && index < count) {
    return index;
  }
  return Fail(ErrorCode::kInternal, "JOB_COMPLETION_INDEX is '" + OneLine(Truncate(text, 80)) +
                                        "', expected 0 to " + std::to_string(count - 1));
}

}  // namespace committest::runner
