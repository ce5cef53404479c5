// SPDX-License-Identifier: Apache-2.0
//
// TestCertificates is an authority with the certificates that it signs. The openssl program makes
// them in a folder that is removed with the object.
// Thread: owner.
#pragma once

#include <onehop/tls.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace onehop {

class TestCertificates {
 public:
  TestCertificates() {
    std::string name = (std::filesystem::temp_directory_path() / "onehop-tls-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no folder for certificates");
    folder_ = name;
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-subj '/CN=Test Authority' -keyout ca.key -out ca.pem");
  }
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;
  ~TestCertificates() { std::filesystem::remove_all(folder_); }

  std::string ca_file() const { return path("ca.pem"); }
  std::string path(const std::string& file) const { return folder_ / file; }

  // `alternatives` has the form that openssl uses: "DNS:a.example,IP:127.0.0.1".
  TlsCertificate sign(const std::string& name,
                      const std::string& alternatives,
                      const std::string& key = "ec -pkeyopt ec_paramgen_curve:P-256") {
    const std::string file = "c" + std::to_string(++count_);
    std::ofstream(path(file + ".ext")) << "subjectAltName=" << alternatives << "\n";
    openssl("req -new -newkey " + key + " -nodes -subj '/O=Tests/CN=" + name + "' -keyout " + file +
            ".key -out " + file + ".csr");
    openssl("x509 -req -days 2 -CA ca.pem -CAkey ca.key -CAcreateserial -in " + file +
            ".csr -out " + file + ".pem -extfile " + file + ".ext");
    TlsCertificate made;
    made.chain_file = path(file + ".pem");
    made.key_file = path(file + ".key");
    return made;
  }

  void openssl(const std::string& arguments) const {
    const std::string command =
        "cd '" + folder_.string() + "' && openssl " + arguments + " >log 2>&1";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  }

 private:
  std::filesystem::path folder_;
  int count_ = 0;
};

}  // namespace onehop
