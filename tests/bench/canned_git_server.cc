// A Git server on loopback that answers every repository alike: HEAD is refs/heads/main, which is one
// commit that never changes. It costs next to nothing, so that what asks it can be measured. Prints
// its port and ends when its standard input does.
//
//     canned-git-server [ADDRESS]
#include <cstdio>
#include <iostream>
#include <limits>
#include <string>

#include "common/http/server.h"
#include "observer/pkt_line.h"

namespace {

using committest::http::Request;
using committest::http::Response;
using committest::observer::EncodePkt;

constexpr const char* kCommit = "1234567890123456789012345678901234567890";

Response Answer(const Request& request) {
  Response response;
  if (request.method == "GET") {
    response.headers["content-type"] = "application/x-git-upload-pack-advertisement";
    response.body = EncodePkt("# service=git-upload-pack\n") + "0000" + EncodePkt("version 2\n") +
                    EncodePkt("agent=git/2.39.5\n") + EncodePkt("ls-refs=unborn\n") +
                    EncodePkt("fetch=shallow filter\n") + EncodePkt("object-format=sha1\n") +
                    "0000";
  } else {
    response.headers["content-type"] = "application/x-git-upload-pack-result";
    response.body = EncodePkt(std::string(kCommit) + " HEAD symref-target:refs/heads/main\n") +
                    EncodePkt(std::string(kCommit) + " refs/heads/main\n") + "0000";
  }
  return response;
}

}  // namespace

int main(int argc, char** argv) {
  committest::http::ServerOptions options;
  options.address = argc > 1 ? argv[1] : "127.0.0.1";
  options.max_connections = 1024;
  options.deadline = std::chrono::minutes(5);
  const auto server = committest::http::Server::Start(options, &Answer);
  if (!server) {
    std::fprintf(stderr, "canned-git-server: %s\n", server.error().message.c_str());
    return 1;
  }
  std::cout << (*server)->Port() << std::endl;
  std::cin.ignore(std::numeric_limits<std::streamsize>::max());
  return 0;
}
