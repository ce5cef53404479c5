// SPDX-License-Identifier: Apache-2.0
//
// Sites holds the names that this process has certificates for, each with the pair that is served
// and the state of its renewal, as they are in the store. A name without a certificate has a
// self-signed one, which is in memory only. If an entry in the store cannot be used, the pair that
// is served stays.
//
// get() may be called from any thread, and does not wait for the store, whose file system may not
// respond. add() may be called by one thread at a time. The rest belongs to the thread that renews.
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

  // Reads the names that are new. Fails if a placeholder cannot be made.
  Result<void> add(const NameSet& names);
  // Reads entries that other processes have changed. Returns whether another pair is to be served.
  // Adds a sentence to `problems` for each entry that cannot be used.
  bool refresh(const NameSet& names, std::vector<std::string>& problems);
  // The names must have been added.
  std::vector<Site> get(const NameSet& names) const;
  Site get(const std::string& name) const;

  // Serves a pair, and saves it.
  Result<void> put(const std::string& name, std::string pair, CertificateFacts facts);
  Result<void> put(const std::string& name, const RenewalState& state);
  // Sets the state in memory only: the process that acts saves it.
  void adopt(const std::string& name, const RenewalState& state);

  static std::string entry_of(std::string_view name) {
    return "certificates/" + std::string(name) + ".pem";
  }
  static std::string state_entry_of(std::string_view name) {
    return "certificates/" + std::string(name) + ".json";
  }

 private:
  // Once in all_, `site` changes only under mutex_ and on the thread that renews. The other members
  // belong to that thread.
  struct Kept {
    Site site;
    std::string stamp, state_stamp;  // of the entries that were read
    std::string problem;             // the problem that was reported about reading the entry
    bool is_unsaved = false;         // because the store was full, for example
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
