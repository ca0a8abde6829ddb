#include <cstdio>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <unistd.h>
#include <vector>

#include "common/api/exit_codes.h"
#include "common/base/clock.h"
#include "runner-image/app.h"
#include "runner-image/local.h"
#include "runner-image/reaper.h"

namespace {

constexpr const char* kHelp =
    R"(committest-runner: checks one commit out, runs its tests, and says how they ended.

  committest-runner             does all of it, in one container
  committest-runner checkout    checks out, and leaves the rest, and this program, in the folder
                                COMMITTEST_HANDOVER (/committest); uses the credentials that are
                                mounted at COMMITTEST_CREDENTIALS (/credentials), of the Secret
                                COMMITTEST_CREDENTIALS_SECRET
  committest-runner run         runs the tests of what was checked out so, in an image of any kind
  committest-runner local …     does all of it on this machine; see committest-runner local --help

But for local, what to run stands as JSON in the environment variable COMMITTEST_RUN:
  {"url": "https://…", "commit": "<40 or 64 hex>", "ref": "refs/heads/main",
   "tests": {"framework": "Auto|Unittest|Pytest|CTest|GoTest|Cargo|Maven|Npm|Command",
             "path": "tests", "command": [],
             "reportPaths": ["**/junit*.xml"], "allowNoTests": false},
   "timeoutSeconds": 1800,
   "sharding": {"count": 4, "strategy": "Timing|Name", "timings": {}}}   (or not at all)

Further variables: COMMITTEST_WORKSPACE (/workspace), TMPDIR (/tmp),
  COMMITTEST_TERMINATION_LOG (/dev/termination-log), COMMITTEST_OUTPUT_LIMIT_BYTES (67108864),
  COMMITTEST_CHECKOUT_TIMEOUT_SECONDS (120), COMMITTEST_GRACE_SECONDS (5)

With sharding, JOB_COMPLETION_INDEX (0 to count - 1) says which of the shards this is.

Exit codes: 0 passed, 10 tests failed, 20 checkout failed, 21 commit gone, 30 no tests,
  40 report invalid, 50 internal or told to end, 60 configuration.

  --help     this text
  --version  the version
)";

// A descriptor that the caller closed would else become one of our own files, and be written to.
void FillStandardDescriptors() {
  for (int fd = 0; fd >= 0 && fd <= STDERR_FILENO;) fd = open("/dev/null", O_RDWR | O_CLOEXEC);
}

int Local(const std::vector<std::string>& arguments, const committest::Clock& clock) {
  using namespace committest;          // NOLINT(google-build-using-namespace)
  using namespace committest::runner;  // NOLINT(google-build-using-namespace)
  const Result<LocalRun> run = ParseLocalRun(arguments);
  if (!run) {
    std::fputs(("committest-runner: " + run.error().message + "\n").c_str(), stderr);
    return static_cast<int>(api::RunnerExit::kConfiguration);
  }
  if (!run->print.empty()) {
    std::fputs(run->print.c_str(), stdout);
    return 0;
  }
  AdoptOrphans();
  OutputStream console(STDOUT_FILENO);
  return RunLocally(*run, ParseEnvironment(environ), clock, console);
}

}  // namespace

int main(int argc, char** argv) {
  FillStandardDescriptors();
  using namespace committest;          // NOLINT(google-build-using-namespace)
  using namespace committest::runner;  // NOLINT(google-build-using-namespace)
  const std::string_view option = argc > 1 ? argv[1] : "";
  if (option == "--help" || option == "--version") {
    std::fputs(option == "--help" ? kHelp : "committest-runner " COMMITTEST_VERSION "\n", stdout);
    return 0;
  }
  const SystemClock clock;
  if (option == "local") return Local({argv + 2, argv + argc}, clock);
  Part part = Part::kAll;
  if (option == "checkout") part = Part::kCheckout;
  if (option == "run") part = Part::kTests;
  if (argc > 2 || (argc == 2 && part == Part::kAll)) {
    std::fputs("committest-runner takes checkout, run, local or nothing; see --help\n", stderr);
    return static_cast<int>(api::RunnerExit::kConfiguration);
  }
  // The tests run as the same user: they must not read or trace the process that judges them. Of a
  // checkout, git must be able to open the files in memory.
  if (part != Part::kCheckout) prctl(PR_SET_DUMPABLE, 0);
  AdoptOrphans();
  OutputStream console(STDOUT_FILENO);
  return App(part, ParseEnvironment(environ), clock, console).Run();
}
