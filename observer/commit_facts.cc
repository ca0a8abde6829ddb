#include "observer/commit_facts.h"

#include <string>
#include <utility>

#include "common/base/strings.h"
#include "observer/commit_config.h"
#include "observer/path_filter.h"

namespace committest::observer {
namespace {

CommitFacts Refused(CommitFacts facts, const std::string& file_id, std::string message) {
  facts.not_run = {api::NotRunReason::kConfigurationError, std::move(message)};
  facts.refused_file = file_id;
  return facts;
}

CommitFacts FactsOfFile(const api::ObservedRepositorySpec& spec, const ConfigFile& file,
                        CommitFacts facts) {
  const std::string name = api::kConfigFileName;
  switch (file.kind) {
    case ConfigFile::Kind::kAbsent:
      return facts;
    case ConfigFile::Kind::kNoFile:
      return Refused(std::move(facts), file.id,
                     name + " is a folder, a symbolic link or a submodule, expected a file");
    case ConfigFile::Kind::kTooLarge:
      return Refused(std::move(facts), file.id,
                     name + ", line 1, column 1: the file is too large, expected at most " +
                         std::to_string(kMaxConfigBytes) + " bytes");
    case ConfigFile::Kind::kFile:
      break;
  }
  auto config = ParseCommitConfig(file.text, *spec.template_, spec.config_file);
  if (!config) return Refused(std::move(facts), file.id, std::move(config.error().message));
  facts.tests = std::move(config->tests);
  facts.execution = std::move(config->execution);
  return facts;
}

}  // namespace

FactsByCommit FactsOf(const api::ObservedRepositorySpec& spec,
                      const std::vector<CommitDetails>& details) {
  FactsByCommit result;
  for (const CommitDetails& commit : details) {
    CommitFacts facts{spec.template_->tests, spec.template_->execution, std::nullopt, {}};
    if (!commit.is_affected) {
      // The schema bounds the message, which the globs may exceed.
      facts.not_run = {
          api::NotRunReason::kPathsUnaffected,
          Truncate("the commit changes nothing that counts: " + FilterOf(spec).Describe(),
                   api::kMaxNotRunMessageBytes)};
    } else {
      facts = FactsOfFile(spec, commit.config, std::move(facts));
    }
    result.emplace(commit.commit, std::move(facts));
  }
  return result;
}

}  // namespace committest::observer
