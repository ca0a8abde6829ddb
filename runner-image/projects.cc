#include "runner-image/projects.h"

#include <algorithm>
#include <array>
#include <optional>

#include "common/base/strings.h"
#include "runner-image/npm_script.h"

namespace committest::runner {
namespace {

using api::Framework;

// Surefire writes one report for each class.
constexpr std::size_t kMaxSurefireReports = 20'000;

constexpr std::array kFrameworks{Framework::kCTest, Framework::kGoTest, Framework::kCargo,
                                 Framework::kMaven, Framework::kNpm};

std::string Inside(const std::string& folder, const std::string& file) {
  return folder.empty() ? file : folder + "/" + file;
}

bool HasFile(const Listing& listing, const std::string& folder, const std::string& name) {
  return std::ranges::binary_search(folder.empty() ? listing.root_files : listing.path_files,
                                    Inside(folder, name));
}

bool HasModules(const Listing& listing, const std::string& folder) {
  if (folder.empty()) return std::ranges::binary_search(listing.root_folders, "node_modules");
  const std::string modules = folder + "/node_modules/";
  return std::ranges::any_of(listing.path_files,
                             [&](const auto& file) { return file.starts_with(modules); });
}

std::string ContentOf(const Listing& listing, const std::string& file) {
  const auto found = listing.configuration.find(file);
  return found == listing.configuration.end() ? "" : found->second;
}

std::string ProblemOf(Framework framework, const Listing& listing, const std::string& file) {
  if (framework != Framework::kNpm) return "";
  const Result<NpmTest> test = ReadNpmTest(ContentOf(listing, file), {});
  return test ? "" : test.error().message;
}

TestPlan CTestPlan(const PlanFiles& files) {
  TestPlan plan{Framework::kCTest,
                {"ctest", "--test-dir", files.build_folder, "--output-on-failure", "--output-junit",
                 files.report},
                ReportSource::kOwnFile,
                ""};
  plan.setup = {{"configure", {"cmake", "-S", ".", "-B", files.build_folder}},
                {"build", {"cmake", "--build", files.build_folder}}};
  plan.list = {"ctest", "--test-dir", files.build_folder, "--show-only=json-v1"};
  plan.share = plan.argv;
  plan.share.insert(plan.share.end(), {"-I", files.share});
  return plan;
}

// The path that a go.mod gives its module.
std::string ModuleOf(std::string_view go_mod) {
  for (const std::string& line : Split(go_mod, '\n')) {
    const std::string_view text = Trim(line);
    if (!text.starts_with("module ") && !text.starts_with("module\t")) continue;
    const std::string_view rest = Trim(text.substr(sizeof("module")));
    return std::string(rest.substr(0, rest.find_first_of(" \t")));
  }
  return "";
}

TestPlan GoTestPlan(std::string_view go_mod) {
  // A result from go's cache would not be one of this run.
  TestPlan plan{Framework::kGoTest,
                {"go", "test", "-json", "-count=1", "./..."},
                ReportSource::kGoTestStream,
                ""};
  plan.module = ModuleOf(go_mod);
  // Also what go cannot load is a package, which fails in its shard.
  plan.list = {"go", "list", "-e", "-f", "committest-unit {{.ImportPath}}", "./..."};
  plan.share.assign(plan.argv.begin(), plan.argv.end() - 1);
  return plan;
}

TestPlan CargoPlan() {
  TestPlan plan{
      Framework::kCargo, {"cargo", "test", "--no-fail-fast"}, ReportSource::kLibtestOutput, ""};
  plan.setup = {{"build", {"cargo", "test", "--no-run"}}};
  return plan;
}

TestPlan MavenPlan(const std::string& folder) {
  TestPlan plan{Framework::kMaven,
                {"mvn", "--batch-mode", "--no-transfer-progress", "test"},
                ReportSource::kFiles,
                ""};
  plan.report_globs = {Inside(folder, "**/target/surefire-reports/TEST-*.xml")};
  plan.max_report_files = kMaxSurefireReports;
  return plan;
}

TestPlan NpmPlan(const Project& project, const Listing& listing, const PlanFiles& files) {
  const NpmTest test = ReadNpmTest(ContentOf(listing, project.file), files).value_or(NpmTest{});
  TestPlan plan{Framework::kNpm, {"npm", "test"}, ReportSource::kOwnFile, ""};
  if (!test.arguments.empty()) plan.argv.emplace_back("--");
  plan.argv.insert(plan.argv.end(), test.arguments.begin(), test.arguments.end());
  plan.environment = test.environment;
  if (test.has_dependencies && !HasModules(listing, project.folder)) {
    const bool locked = HasFile(listing, project.folder, "package-lock.json") ||
                        HasFile(listing, project.folder, "npm-shrinkwrap.json");
    plan.setup = {{"install", {"npm", locked ? "ci" : "install", "--no-audit", "--no-fund"}}};
  }
  return plan;
}

TestPlan PlanOf(const Project& project, const Listing& listing, const PlanFiles& files) {
  switch (project.framework) {
    case Framework::kGoTest:
      return GoTestPlan(ContentOf(listing, project.file));
    case Framework::kCargo:
      return CargoPlan();
    case Framework::kMaven:
      return MavenPlan(project.folder);
    case Framework::kNpm:
      return NpmPlan(project, listing, files);
    default:
      return CTestPlan(files);
  }
}

}  // namespace

const std::vector<std::string>& ProjectFileNames() {
  static const std::vector<std::string> kNames = {"CMakeLists.txt", "go.mod", "Cargo.toml",
                                                  "pom.xml", "package.json"};
  return kNames;
}

const std::vector<std::string>& ContentFileNames() {
  static const std::vector<std::string> kNames = {"go.mod", "package.json"};
  return kNames;
}

std::vector<Project> FindProjects(const std::string& path, const Listing& listing) {
  std::vector<Project> projects;
  std::vector<std::string> folders = {""};
  if (path != "." && listing.path_exists && !listing.path_is_file) folders.push_back(path);
  for (const std::string& folder : folders) {
    for (std::size_t i = 0; i < kFrameworks.size(); ++i) {
      const Framework framework = kFrameworks.at(i);
      const bool known = std::ranges::any_of(
          projects, [&](const Project& project) { return project.framework == framework; });
      if (known || !HasFile(listing, folder, ProjectFileNames()[i])) continue;
      const std::string file = Inside(folder, ProjectFileNames()[i]);
      projects.push_back({framework, folder, file, ProblemOf(framework, listing, file)});
    }
  }
  return projects;
}

TestPlan PlanProject(const Project& project, const Listing& listing, const PlanFiles& files) {
  TestPlan plan = PlanOf(project, listing, files);
  plan.folder = project.folder;
  return plan;
}

}  // namespace committest::runner
