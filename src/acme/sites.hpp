// SPDX-License-Identifier: Apache-2.0
//
// Sites: the names that this process has certificates for, with the pair that is served and the
// state of its renewal, as they are in the store. A name without a certificate has a self-signed
// one, which is in memory only. An entry of the store that cannot be used changes nothing.
//
// get() is for any thread, and does not wait for the store, which may be on a file system that does
// not respond. add() is for one thread at a time. The rest belongs to the thread that renews.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include "acme/certificate_store.hpp"
#include "acme/certificates.hpp"
#include "acme/renewal_state.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::acme {

using NameSet = std::set<std::string, std::less<>>;

struct Site {
  std::string name;
  std::shared_ptr<const std::string> pair;  // never null
  CertificateFacts facts;
  bool is_placeholder = true;
  RenewalState state;
};

class Sites {
 public:
  Sites(CertificateStore& store, std::function<WallTime()> now)
      : store_(store), now_(std::move(now)) {}

  // Reads the names that are new. Errors: a placeholder cannot be made.
  Result<void> add(const NameSet& names);
  // Looks whether others have changed something, and reads that. Returns whether another pair is to
  // be served. `problems` gets a sentence for each entry that cannot be used.
  bool refresh(const NameSet& names, std::vector<std::string>& problems);
  // Of names that were added.
  std::vector<Site> get(const NameSet& names) const;
  Site get(const std::string& name) const;

  // Serves a pair from here on, and saves it.
  Result<void> put(const std::string& name, std::string pair, CertificateFacts facts);
  Result<void> put(const std::string& name, const RenewalState& state);
  // The same in memory only: the process that acts saves it.
  void adopt(const std::string& name, const RenewalState& state);

  static std::string entry_of(std::string_view name) {
    return "certificates/" + std::string(name) + ".pem";
  }
  static std::string state_entry_of(std::string_view name) {
    return "certificates/" + std::string(name) + ".json";
  }

 private:
  // Once it is in all_, the site changes under mutex_ and on the thread that renews only, to which
  // all the rest belongs.
  struct Kept {
    Site site;
    std::string stamp, state_stamp;  // of the entries that were read
    std::string problem;             // that was reported: the entry could not be read
    bool is_unsaved = false;         // the store was full, for example
  };
  struct Found {
    std::shared_ptr<const std::string> pair;
    CertificateFacts facts;

    void move_to(Site& site) &&;
  };
  std::optional<Found> read_pair(Kept& kept, std::vector<std::string>& problems);
  std::optional<RenewalState> read_state(Kept& kept);
  Kept* find(std::string_view name);

  CertificateStore& store_;
  const std::function<WallTime()> now_;
  mutable std::mutex mutex_;
  std::map<std::string, Kept, std::less<>> all_;  // guarded by mutex_; none is removed
};

}  // namespace onehop::acme
