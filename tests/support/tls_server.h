#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

struct ssl_ctx_st;
struct evp_pkey_st;
struct x509_st;

namespace committest::testing {

/// A key and the self-signed certificate of it, made anew.
class TestCertificate {
 public:
  /// `names`: of subjectAltName, as OpenSSL writes them ("DNS:git.example.org,IP:127.0.0.1").
  explicit TestCertificate(const std::string& names);

  /// What a client has to trust.
  std::string Pem() const;
  evp_pkey_st* Key() const { return key_.get(); }
  x509_st* Certificate() const { return certificate_.get(); }

 private:
  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<x509_st> certificate_;
};

/// A server on a free port of loopback that speaks TLS and answers each request without a body by
/// "hello", one connection after the other, for as long as the client keeps it.
class TlsServer {
 public:
  /// `newest`: the highest version that it speaks, such as TLS1_2_VERSION; 0: OpenSSL's.
  explicit TlsServer(const TestCertificate& certificate, int newest = 0);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  std::uint16_t Port() const { return port_; }
  /// How many connections have shaken hands, and how many of them continued a session.
  int Handshakes() const { return handshakes_; }
  int Resumed() const { return resumed_; }

 private:
  void Serve();
  void ServeOne(int descriptor);

  std::shared_ptr<ssl_ctx_st> context_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> handshakes_{0};
  std::atomic<int> resumed_{0};
  std::atomic<int> open_{-1};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace committest::testing
