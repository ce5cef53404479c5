// SPDX-License-Identifier: Apache-2.0
#include "net/tcp_listener.hpp"

#include "net/socket_options.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace onehop::net {
namespace {

constexpr int kDeferSeconds = 1;
// The timeouts of the lock on a socket file's folder. At shutdown, other work of the thread must
// not wait.
constexpr std::chrono::seconds kPatienceAtStart(5);
constexpr std::chrono::milliseconds kPatienceAtEnd(20);
// A vanished client is detected within two minutes.
constexpr int kKeepAliveIdle = 60;
constexpr int kKeepAliveInterval = 20;

std::string_view path_in(const Address& address) noexcept {
  return reinterpret_cast<const sockaddr_un*>(address.data())->sun_path;
}

bool is_any_v6(const Address& address) noexcept {
  if (address.family() != AF_INET6) return false;
  return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(address.data())->sin6_addr);
}

// Sets the options that accepted sockets inherit. TCP_USER_TIMEOUT is not one of them: the kernel
// would also count the time in which a client reads nothing, which onehop's own timeouts limit.
void set_inherited_options(int socket, const Address& address) noexcept {
  if (address.is_unix()) return;
  set_connection_options(socket, kKeepAliveIdle, kKeepAliveInterval);
}

void set_options(int socket, const Address& address, const ListenOptions& options) noexcept {
  if (address.is_unix()) return;
  if (options.reuse_address) set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (is_any_v6(address)) set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  set_inherited_options(socket, address);
  if (options.defer_accept) set_option(socket, IPPROTO_TCP, TCP_DEFER_ACCEPT, kDeferSeconds);
}

// Reports whether the file is a socket without a listener, left by a process that could not clean
// up. Other files also refuse connect(2), but are left alone.
bool is_stale_socket_file(const Address& address) {
  struct stat file{};
  if (::lstat(path_in(address).data(), &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
  const io::FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return probe && ::connect(probe.get(), address.data(), address.size()) != 0 &&
         errno == ECONNREFUSED;
}

// A lock on a folder, held while a socket file is made or removed. Without it, another process
// could create its own file between two checks, or have bound a socket that does not listen yet.
// Locking the folder creates no file. Well-behaved processes hold the lock for microseconds, but
// any process that may open the folder, such as /tmp, can hold it forever.
class FolderLock {
 public:
  FolderLock(std::string_view path, std::chrono::milliseconds patience) noexcept
      : folder_(open_folder_of(path)),
        is_short_(!folder_ && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
    const auto give_up = std::chrono::steady_clock::now() + patience;
    while (folder_ && !is_held_) {
      is_held_ = ::flock(folder_.get(), LOCK_EX | LOCK_NB) == 0;
      if (is_held_) return;
      if (errno != EWOULDBLOCK && errno != EINTR) {
        folder_.reset();
        return;
      }
      if (std::chrono::steady_clock::now() >= give_up) return;
      std::this_thread::sleep_for(kLockPause);
    }
  }
  // Reports whether a file may be removed: not while another process holds the lock. A folder that
  // is writable but not readable cannot be opened by any process, and needs no lock.
  bool may_remove() const noexcept { return is_held_ || (!folder_ && !is_short_); }

 private:
  static constexpr std::chrono::milliseconds kLockPause{2};

  static io::FileDescriptor open_folder_of(std::string_view path) noexcept {
    const std::size_t slash = path.rfind('/');
    const std::string_view folder = slash == std::string_view::npos ? "."
                                    : slash == 0                    ? "/"
                                                                    : path.substr(0, slash);
    std::array<char, sizeof(sockaddr_un::sun_path) + 1> name{};
    folder.copy(name.data(), name.size() - 1);
    return io::FileDescriptor(::open(name.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  io::FileDescriptor folder_;  // closing it releases the lock
  bool is_short_;              // descriptors or memory ran out: another process may have the lock
  bool is_held_ = false;
};

std::string remedy_for_unix(int error) {
  switch (error) {
    case EADDRINUSE:
      return "another process listens there, or a file exists at that path";
    case EACCES:
    case EPERM:
      return "this user may not create files in that folder";
    case ENOENT:
      return "there is no such folder";
    case EROFS:
      return "that folder is read-only";
    default:
      return {};
  }
}

std::string remedy_for(int error, const Address& address) {
  if (address.is_unix()) return remedy_for_unix(error);
  const std::string port = std::to_string(address.port());
  switch (error) {
    case EADDRINUSE:
      return "port " + port + " is in use by another process (see 'ss -ltnp sport = :" + port +
             "'); stop it, or choose another with --listen";
    case EACCES:
    case EPERM:
      return "ports below 1024 need a privilege: run as root, or 'setcap cap_net_bind_service=+ep' "
             "on the program, or AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit, or "
             "'sysctl net.ipv4.ip_unprivileged_port_start=" +
             port + "', or choose another with --listen";
    case EADDRNOTAVAIL:
      return "no network interface of this machine has that address (see 'ip address'); :" + port +
             " listens on all of them";
    case EAFNOSUPPORT:
      return "this machine has no IPv6; 0.0.0.0:" + port + " listens on IPv4";
    default:
      return {};
  }
}

std::unexpected<Error> refuse(int error, const Address& address) {
  std::string detail = "cannot listen on " + address.to_string();
  const std::string remedy = remedy_for(error, address);
  detail.append(": ").append(remedy.empty() ? std::system_category().message(error) : remedy);
  return failure(Error::system(error, Side::local).with(detail));
}

}  // namespace

Result<TcpListener> TcpListener::open(const Address& address, ListenOptions options) {
  TcpListener listener;
  listener.address_ = address;
  listener.socket_ =
      io::FileDescriptor(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.socket_) return refuse(errno, address);
  const int socket = listener.socket_.get();
  set_options(socket, address, options);
  const int error = address.is_unix() ? listener.bind_and_listen_on_file(options.backlog)
                                      : listener.bind_and_listen(options.backlog);
  if (error != 0) return refuse(error, address);
  if (!address.is_unix()) listener.ask_for_address();
  return listener;
}

Result<TcpListener> TcpListener::adopt(int descriptor, FileOwner owner) {
  TcpListener listener;
  const std::string name = "descriptor " + std::to_string(descriptor);
  const auto option = [descriptor](int which) {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(descriptor, SOL_SOCKET, which, &value, &size) == 0 ? value : -1;
  };
  const int domain = option(SO_DOMAIN);
  const bool is_known = domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX;
  if (!is_known || option(SO_TYPE) != SOCK_STREAM || option(SO_ACCEPTCONN) != 1) {
    return failure(Errc::bad_option, Side::local,
                   name + " is not a socket that listens for TCP or unix stream connections");
  }
  listener.socket_ = io::FileDescriptor(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (!listener.socket_) {
    return failure(Error::system(errno, Side::local).with("cannot use " + name));
  }
  listener.ask_for_address();
  listener.file_owner_ = owner;
  if (owner != FileOwner::other && listener.address_.is_unix())
    listener.remember_socket_file(std::string(path_in(listener.address_)));
  return listener;
}

void TcpListener::ask_for_address() {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&bound), &size) == 0) {
    address_ = Address(reinterpret_cast<const sockaddr*>(&bound), size);
  }
}

void TcpListener::put_in_use(bool defers) const noexcept {
  const int flags = ::fcntl(socket_.get(), F_GETFL);
  if ((flags & O_NONBLOCK) == 0) ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK);
  set_inherited_options(socket_.get(), address_);
  if (address_.is_unix()) return;
  set_option(socket_.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, defers ? kDeferSeconds : 0);
}

std::size_t TcpListener::waiting() const noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  const int asked = ::getsockopt(socket_.get(), IPPROTO_TCP, TCP_INFO, &info, &size);
  return asked == 0 ? info.tcpi_unacked : SOMAXCONN;  // of a listener: its queue
}

int TcpListener::bind_and_listen(int backlog) {
  // Allocated before the file is made, because a failed allocation would leave the file in place.
  std::string path(address_.is_unix() ? path_in(address_) : std::string_view());
  if (::bind(socket_.get(), address_.data(), address_.size()) != 0) return errno;
  if (address_.is_unix()) remember_socket_file(std::move(path));
  return ::listen(socket_.get(), backlog) == 0 ? 0 : errno;
}

int TcpListener::bind_and_listen_on_file(int backlog) {
  const FolderLock lock(path_in(address_), kPatienceAtStart);
  const int error = bind_and_listen(backlog);
  if (error != EADDRINUSE || !lock.may_remove() || !is_stale_socket_file(address_)) return error;
  ::unlink(path_in(address_).data());
  return bind_and_listen(backlog);
}

TcpListener& TcpListener::operator=(TcpListener&& other) noexcept {
  if (this == &other) return *this;
  remove_socket_file();
  socket_.reset();
  socket_ = std::move(other.socket_);
  address_ = other.address_;
  file_owner_ = other.file_owner_;
  path_ = std::exchange(other.path_, {});
  device_ = other.device_;
  inode_ = other.inode_;
  return *this;
}

TcpListener::~TcpListener() {
  remove_socket_file();
}

void TcpListener::remember_socket_file(std::string path) noexcept {
  struct stat file{};
  if (::lstat(path.c_str(), &file) != 0) return;
  path_ = std::move(path);
  device_ = file.st_dev;
  inode_ = file.st_ino;
}

// Leaves a file that another process has created there since. The next listener replaces a file
// that was not removed.
void TcpListener::remove_socket_file() noexcept {
  if (file_owner_ != FileOwner::listener || path_.empty() || !socket_) return;
  const FolderLock lock(path_, kPatienceAtEnd);
  struct stat file{};
  if (!lock.may_remove()) return;
  if (::lstat(path_.c_str(), &file) != 0) return;
  if (file.st_dev == device_ && file.st_ino == inode_) ::unlink(path_.c_str());
}

std::expected<TcpListener::Accepted, int> TcpListener::accept() const {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  int socket = -1;
  do {
    size = sizeof peer;
    socket = ::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                       SOCK_NONBLOCK | SOCK_CLOEXEC);
  } while (socket < 0 && errno == EINTR);
  if (socket < 0) return std::unexpected(errno);
  return Accepted{io::FileDescriptor(socket),
                  Address(reinterpret_cast<const sockaddr*>(&peer), size)};
}

}  // namespace onehop::net
