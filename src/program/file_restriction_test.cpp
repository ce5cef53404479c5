// SPDX-License-Identifier: Apache-2.0
//
// Tests the places of settings. tests/integration/test_landlock.py tests that the kernel enforces
// them.
#include "program/file_restriction.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::program {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::Not;

config::Loaded load(std::vector<std::string> arguments) {
  arguments.emplace_back("http://127.0.0.1:1");
  return config::load(arguments, {});
}

std::vector<FilePlace> places_for(const std::vector<std::string>& arguments) {
  return file_places(load(arguments).configuration);
}

TEST(FilePlaces, IncludeTheSystemToReadAndTheProgramToExecute) {
  const auto places = places_for({});
  EXPECT_THAT(places, Contains(FilePlace{"/etc", FileUse::read}));
  EXPECT_THAT(places, Contains(FilePlace{"/usr", FileUse::read}));
  const fs::path program = fs::canonical("/proc/self/exe").parent_path();
  EXPECT_THAT(places, Contains(FilePlace{program, FileUse::execute}));
}

TEST(FilePlaces, IncludeTheDirectoriesOfFilesInSettings) {
  const auto places =
      places_for({"--admin-token", "/srv/a/token", "--access-log-to", "/srv/b/access.log", "-l",
                  "unix:/srv/c/onehop.sock", "--admin-socket", "/srv/d/admin.sock"});
  EXPECT_THAT(places, Contains(FilePlace{"/srv/a", FileUse::read, "admin-token"}));
  EXPECT_THAT(places, Contains(FilePlace{"/srv/b", FileUse::write, "access-log-to"}));
  EXPECT_THAT(places, Contains(FilePlace{"/srv/c", FileUse::write, "listen"}));
  EXPECT_THAT(places, Contains(FilePlace{"/srv/d", FileUse::write, "admin-socket"}));
}

// To the kernel, a file that replaces another is a different file, and a link may change.
TEST(FilePlaces, IncludeTheDirectoriesOfALinkAndItsTarget) {
  const fs::path folder = fs::canonical(fs::temp_directory_path()) / "onehop-file-places";
  fs::remove_all(folder);
  fs::create_directories(folder / "live");
  fs::create_directories(folder / "archive");
  std::ofstream(folder / "archive" / "key1.pem") << "secret";
  fs::create_symlink("../archive/key1.pem", folder / "live" / "key.pem");
  const auto places = places_for({"--admin-token", folder / "live" / "key.pem"});
  EXPECT_THAT(places, Contains(FilePlace{folder / "live", FileUse::read, "admin-token"}));
  EXPECT_THAT(places, Contains(FilePlace{folder / "archive", FileUse::read, "admin-token"}));
  fs::remove_all(folder);
}

// The folder of a device contains all devices.
TEST(FilePlaces, IncludeADeviceButNotItsDirectory) {
  const auto places = places_for({"--access-log-to", "/dev/full"});
  EXPECT_THAT(places, Contains(FilePlace{"/dev/full", FileUse::write, "access-log-to"}));
  EXPECT_THAT(places, Not(Contains(FilePlace{"/dev", FileUse::write, "access-log-to"})));
}

TEST(FilePlaces, IncludeTheWorkingDirectoryOnlyForCoreDumps) {
  const FilePlace here{fs::current_path(), FileUse::write};
  EXPECT_THAT(places_for({}), Not(Contains(here)));
  EXPECT_THAT(places_for({"--core-dumps"}), Contains(here));
}

TEST(FileRestrictionTest, AllowsEveryFileByDefault) {
  EXPECT_TRUE(FileRestriction().refusals(load({"--admin-token", "/srv/token"})).empty());
}

}  // namespace
}  // namespace onehop::program
