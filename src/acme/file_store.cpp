// SPDX-License-Identifier: Apache-2.0
#include "acme/file_store.hpp"

#include "io/file_descriptor.hpp"
#include "io/random_bytes.hpp"
#include "net/locked_memory.hpp"
#include "net/small_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace onehop::acme {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kRequests = "requests";
// "" is the store's own folder.
constexpr std::array<std::string_view, 4> kFolders = {"", "certificates", "challenges", kRequests};
constexpr std::string_view kUnfinished = ".new-";
constexpr std::string_view kProbe = "probe-";  // a name in the folder of requests
constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;

std::unexpected<Error> refused(const std::string& path, const char* what, int error) {
  return failure(Errc::bad_option, Side::local,
                 path + ": " + what + ": " + std::system_category().message(error));
}

std::string machine() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string random_digits() {
  std::array<char, 16> digits{};
  io::fill_with_random_digits(digits);
  return {digits.data(), digits.size()};
}

bool write_all(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// Returns the names that can be read.
std::vector<std::string> names_in(int folder) {
  struct Close {
    void operator()(DIR* open) const noexcept { ::closedir(open); }
  };
  std::vector<std::string> names;
  io::FileDescriptor again(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::unique_ptr<DIR, Close> open(again ? ::fdopendir(again.get()) : nullptr);
  if (!open) return names;
  // closedir() closes it.
  again.release();
  while (const dirent* const entry = ::readdir(open.get()))  // NOLINT(concurrency-mt-unsafe)
    names.emplace_back(static_cast<const char*>(entry->d_name));
  return names;
}

// The parts of an entry's name.
struct Entry {
  explicit Entry(std::string_view name) : file(name.substr(name.rfind('/') + 1)) {
    if (name.size() > file.size()) folder = name.substr(0, name.size() - file.size() - 1);
  }
  std::string file;
  std::string_view folder = {};  // "" if the entry is in the store's own folder
};

// A file that is removed unless it was renamed.
class Unfinished {
 public:
  Unfinished(int folder, std::string name) : folder_(folder), name_(std::move(name)) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    if (!name_.empty()) ::unlinkat(folder_, name_.c_str(), 0);
  }
  const std::string& name() const { return name_; }
  void finished() { name_.clear(); }

 private:
  const int folder_;
  std::string name_;
};

// "machine 12 4711": the holder, and how many signs of life it has written.
struct Mark {
  std::string machine;
  std::string process;
  std::string beats;
};

std::string text_of(const Mark& mark) {
  return mark.machine + " " + mark.process + " " + mark.beats + "\n";
}

// Returns std::nullopt if it cannot be read; see errno.
std::optional<Mark> read_mark(int descriptor) {
  std::array<char, 512> text{};
  const ssize_t size = ::pread(descriptor, text.data(), text.size(), 0);
  if (size < 0) return std::nullopt;
  std::string_view rest(text.data(), static_cast<std::size_t>(size));
  Mark mark;
  for (std::string* const word : {&mark.machine, &mark.process, &mark.beats}) {
    const std::size_t end = std::min(rest.find_first_of(" \n"), rest.size());
    *word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return mark;
}

// Returns false if it cannot be written; see errno.
bool write_mark(int descriptor, const std::string& text) {
  const ssize_t written = ::pwrite(descriptor, text.data(), text.size(), 0);
  if (written < 0) return false;
  if (written < static_cast<ssize_t>(text.size())) {
    errno = ENOSPC;
    return false;
  }
  return ::ftruncate(descriptor, written) == 0;
}

class FileLock final : public StoreLock {
 public:
  FileLock(io::FileDescriptor file, std::string path)
      : file_(std::move(file)), path_(std::move(path)), process_(random_digits()) {}
  ~FileLock() override {
    if (!is_ours().value_or(false)) return;
    // If this fails, the mark expires when it has not been renewed for kPatience.
    [[maybe_unused]] const int failed = ::ftruncate(file_.get(), 0);
  }

  Result<void> begin() { return beat(); }
  Result<bool> renew() override {
    auto ours = is_ours();
    if (!ours || !*ours) return ours;
    if (auto shown = beat(); !shown) return failure(shown.error());
    return true;
  }

 private:
  Result<void> beat() {
    const Mark mark{.machine = machine(), .process = process_, .beats = std::to_string(++beats_)};
    if (!write_mark(file_.get(), text_of(mark)))
      return refused(path_, "it cannot be written", errno);
    return {};
  }
  // The file may have been removed, or another process may believe that this one is gone.
  Result<bool> is_ours() const {
    struct stat open{};
    struct stat named{};
    if (::stat(path_.c_str(), &named) != 0) {
      if (errno == ENOENT) return false;
      return refused(path_, "it cannot be read", errno);
    }
    if (::fstat(file_.get(), &open) != 0) return refused(path_, "it cannot be read", errno);
    if (open.st_ino != named.st_ino || open.st_dev != named.st_dev) return false;
    const auto mark = read_mark(file_.get());
    if (!mark) return refused(path_, "it cannot be read", errno);
    return mark->process == process_;
  }

  io::FileDescriptor file_;  // holds the kernel's lock
  const std::string path_;
  const std::string process_;
  unsigned long beats_ = 0;
};

}  // namespace

struct FileStore::Seen {
  std::string mark;
  Clock::time_point since;
};

FileStore::FileStore(std::string folder, std::optional<Owner> owner)
    : folder_(std::move(folder)), owner_(owner) {}

FileStore::~FileStore() = default;

Result<std::unique_ptr<FileStore>> FileStore::open(const std::string& folder,
                                                   std::optional<Owner> owner) {
  std::unique_ptr<FileStore> store(new FileStore(folder, owner));  // the constructor is private
  if (auto prepared = store->prepare(); !prepared) return failure(prepared.error());
  return store;
}

std::unique_ptr<FileStore> FileStore::view(const std::string& folder) {
  return std::unique_ptr<FileStore>(new FileStore(folder, {}));
}

std::string FileStore::path_of(std::string_view name) const {
  return folder_ + "/" + std::string(name);
}

// Every write goes through a folder that was opened here. The account that root gives the store to
// could otherwise place a link in it, and root would change files elsewhere.
Result<io::FileDescriptor> FileStore::open_folder(std::string_view below, Missing missing) const {
  io::FileDescriptor folder;
  std::string path;
  for (const std::string_view part : {std::string_view(folder_), below}) {
    if (part.empty()) break;
    path += (path.empty() ? "" : "/") + std::string(part);
    const std::string name(part);
    const int parent = folder ? folder.get() : AT_FDCWD;
    if (missing == Missing::make && ::mkdirat(parent, name.c_str(), kFolderMode) != 0 &&
        errno != EEXIST) {
      return refused(path, "the folder cannot be made", errno);
    }
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (owner_ ? O_NOFOLLOW : 0);
    folder = io::FileDescriptor(::openat(parent, name.c_str(), flags));
    if (folder) continue;
    const bool may_be_link = owner_ && errno == ENOTDIR;
    return refused(path,
                   may_be_link ? "it must be a folder, because no link is followed with --user"
                               : "the folder cannot be opened",
                   errno);
  }
  return folder;
}

// A second name of a file may belong to a place outside the store.
void FileStore::take_over(int descriptor) const {
  struct stat facts{};
  if (!owner_ || ::fstat(descriptor, &facts) != 0) return;
  if (!S_ISDIR(facts.st_mode) && !(S_ISREG(facts.st_mode) && facts.st_nlink == 1)) return;
  [[maybe_unused]] const int failed =
      ::fchownat(descriptor, "", owner_->user, owner_->group, AT_EMPTY_PATH);
}

// Also removes files left by writers and starts that were killed.
Result<void> FileStore::prepare() {
  std::error_code error;
  fs::create_directories(fs::path(folder_).parent_path(), error);
  for (const std::string_view below : kFolders) {
    const auto folder = open_folder(below, Missing::make);
    if (!folder) return failure(folder.error());
    take_over(folder->get());
    for (const std::string& name : names_in(folder->get())) {
      const io::FileDescriptor file(
          ::openat(folder->get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      struct stat facts{};
      if (!file || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
      take_over(file.get());
      const auto written = std::chrono::system_clock::from_time_t(facts.st_mtim.tv_sec);
      const bool is_old = std::chrono::system_clock::now() - written > std::chrono::hours(1);
      // A probe may belong to a process that starts now, but it has served its purpose once it is
      // visible.
      const bool is_probe = below == kRequests && name.starts_with(kProbe);
      if (is_probe || (is_old && name.starts_with(kUnfinished)))
        ::unlinkat(folder->get(), name.c_str(), 0);
    }
  }
  const std::string probe = "requests/" + std::string(kProbe) + random_digits();
  if (auto saved = save(probe, "onehop can write here\n"); !saved) return saved;
  return remove(probe);
}

Result<std::optional<std::string>> FileStore::load(std::string_view name) const {
  const std::string path = path_of(name);
  struct stat file{};
  if (::stat(path.c_str(), &file) != 0 && errno == ENOENT) return std::optional<std::string>();
  auto text = net::read_small_file(path, net::FileKinds::regular);
  if (!text) return failure(Errc::bad_option, Side::local, path + ": " + text.error());
  return std::optional<std::string>(std::move(*text));
}

Result<void> FileStore::save(std::string_view name, std::string_view content) {
  const std::string path = path_of(name);
  const std::string place = path.substr(0, path.rfind('/'));
  const Entry entry(name);
  const auto folder = open_folder(entry.folder);
  if (!folder) return failure(folder.error());
  Unfinished unfinished(folder->get(), std::string(kUnfinished) + random_digits());
  const io::FileDescriptor file(::openat(folder->get(), unfinished.name().c_str(),
                                         O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  if (!file) return refused(place, "a file cannot be made there", errno);
  if (owner_ && ::fchown(file.get(), owner_->user, owner_->group) != 0)
    return refused(path, "its owner cannot be changed", errno);
  if (!write_all(file.get(), content) || ::fsync(file.get()) != 0)
    return refused(path, "it cannot be written", errno);
  if (::renameat(folder->get(), unfinished.name().c_str(), folder->get(), entry.file.c_str()) != 0)
    return refused(path, "it cannot be replaced", errno);
  unfinished.finished();
  if (::fsync(folder->get()) != 0) return refused(place, "it cannot be written", errno);
  return {};
}

Result<void> FileStore::remove(std::string_view name) {
  const Entry entry(name);
  const auto folder = open_folder(entry.folder);
  if (!folder) return failure(folder.error());
  if (::unlinkat(folder->get(), entry.file.c_str(), 0) != 0 && errno != ENOENT)
    return refused(path_of(name), "it cannot be removed", errno);
  return {};
}

Result<std::vector<std::string>> FileStore::list(std::string_view folder) const {
  std::vector<std::string> names;
  std::error_code error;
  for (auto entry = fs::directory_iterator(path_of(folder), error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (!name.starts_with('.')) names.push_back(std::move(name));
  }
  if (error) return refused(path_of(folder), "it cannot be read", error.value());
  std::ranges::sort(names);
  return names;
}

std::string FileStore::stamp(std::string_view name) const {
  struct stat file{};
  if (::stat(path_of(name).c_str(), &file) != 0) return {};
  return std::to_string(file.st_ino) + "," + std::to_string(file.st_size) + "," +
         std::to_string(file.st_mtim.tv_sec) + "," + std::to_string(file.st_mtim.tv_nsec);
}

Result<std::unique_ptr<StoreLock>> FileStore::try_lock() {
  const std::string path = path_of("lock");
  const auto folder = open_folder("");
  if (!folder) return failure(folder.error());
  const int flags = O_RDWR | O_CREAT | O_CLOEXEC | (owner_ ? O_NOFOLLOW : 0);
  io::FileDescriptor file(::openat(folder->get(), "lock", flags, kFileMode));
  if (!file) return refused(path, "it cannot be opened", errno);
  take_over(file.get());
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::unique_ptr<StoreLock>();
    return refused(path, "it cannot be locked", errno);
  }
  const auto mark = read_mark(file.get());
  if (!mark) return refused(path, "it cannot be read", errno);
  // The kernel releases the lock of a process of this machine that has ended.
  if (!mark->process.empty() && mark->machine != machine()) {
    const std::string text = text_of(*mark);
    const Clock::time_point now = Clock::now();
    if (!seen_ || seen_->mark != text) seen_ = std::make_unique<Seen>(Seen{text, now});
    if (now - seen_->since < kPatience) return std::unique_ptr<StoreLock>();
  }
  seen_.reset();
  auto lock = std::make_unique<FileLock>(std::move(file), path);
  if (auto begun = lock->begin(); !begun) return failure(begun.error());
  return lock;
}

}  // namespace onehop::acme
