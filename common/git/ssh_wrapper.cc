// What git runs in place of ssh, because it gives no options of ours to it without a shell: puts those
// of $COMMITTEST_SSH_OPTIONS in front of git's own arguments and becomes ssh.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

constexpr const char* kProgram = "/usr/bin/ssh";
constexpr const char* kVariable = "COMMITTEST_SSH_OPTIONS";
constexpr int kExitFailure = 255;  // As ssh's own.

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::string::size_type start = 0;
  for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  lines.push_back(text.substr(start));
  return lines;
}

}  // namespace

int main(int argc, char** argv) {
  const char* options = std::getenv(kVariable);  // NOLINT(concurrency-mt-unsafe): no thread yet
  if (options == nullptr) {
    std::fprintf(stderr, "committest-ssh: $%s is not set; only the observer runs this\n",
                 kVariable);
    return kExitFailure;
  }
  std::vector<std::string> arguments = Lines(options);
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  std::string program = kProgram;
  std::vector<char*> pointers = {program.data()};
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  execv(kProgram, pointers.data());
  std::perror(kProgram);
  return kExitFailure;
}
