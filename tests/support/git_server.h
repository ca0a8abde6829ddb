#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"

namespace committest::testing {

/// A repository in a folder of its own, written with the git command line under a fixed identity.
class GitRepository {
 public:
  /// Makes an empty repository with the branch "main". `object_format` is "sha1" or "sha256".
  explicit GitRepository(std::filesystem::path path, const std::string& object_format = "sha1");

  /// Writes `files` (path to content) over the working tree and commits everything. The commit's
  /// id.
  std::string Commit(const std::map<std::string, std::string>& files,
                     const std::string& message = "Change");
  /// Runs git in the repository; its output without the last line end. Throws when it fails.
  std::string Git(const std::vector<std::string>& arguments) const;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int commits_ = 0;
};

/// A real smart-HTTP Git server on loopback (git_server.py) over a temporary folder. It ends with
/// this object, or with this process.
class GitServer {
 public:
  /// `options` go to git_server.py: {"--deny-sha"}, {"--status", "503"}, {"--delay", "2"}.
  explicit GitServer(std::vector<std::string> options = {});

  /// A new repository that is served as `Url(name)`.
  GitRepository CreateRepository(const std::string& name,
                                 const std::string& object_format = "sha1") const;
  std::string Url(const std::string& name) const;
  /// "METHOD PATH GIT-PROTOCOL" of each request so far.
  std::vector<std::string> Requests() const;

  /// Ends the server; its port then refuses connections.
  void Stop();
  /// Starts it again on the same port, with other options if given.
  void Start(std::vector<std::string> options = {});

  int port() const { return port_; }
  const std::filesystem::path& root() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
  int port_ = 0;
  std::unique_ptr<Command> process_;
};

}  // namespace committest::testing
