// SPDX-License-Identifier: Apache-2.0
//
// The kinds of settings that are words: switches, names, addresses, networks, files and fields. A
// kind parses a text, shows a value in the help, and writes it as it would be typed. Only User has
// a side effect: it reads the system's accounts.
// Thread: owner.
#pragma once

#include "config/configuration.hpp"
#include "config/parsed.hpp"
#include "config/setting.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace onehop::config {

struct Switch {
  static constexpr std::string_view kPlaceholder = {};
  static constexpr ValueType kType = ValueType::boolean;
  static Parsed<bool> parse(std::string_view text);
  static std::string show(bool) { return {}; }
  static std::string write(bool value) { return value ? "on" : "off"; }
};

// A switch that is on by default and therefore takes a value.
struct OnOrOff : Switch {
  static constexpr std::string_view kPlaceholder = "on|off";
  static std::string show(bool value) { return value ? "on" : "off"; }
};

// A switch. "auto" turns it on if the system supports it.
struct AutoOrOff {
  static constexpr std::string_view kPlaceholder = "auto|off";
  static Parsed<bool> parse(std::string_view text);
  static std::string show(bool value) { return value ? "auto" : "off"; }
};

struct LogFormat {
  static constexpr std::string_view kPlaceholder = "text|json|off";
  static constexpr Content kContent = Content::choice;
  static Parsed<observe::AccessLogFormat> parse(std::string_view text);
  static std::string show(observe::AccessLogFormat format);
};

struct HalfCloseChoice {
  static constexpr std::string_view kPlaceholder = "cancel|serve";
  static constexpr Content kContent = Content::choice;
  static Parsed<HalfClose> parse(std::string_view text);
  static std::string show(HalfClose value);
};

// A text that is shown unchanged.
struct Text {
  static std::string show(const std::string& value) { return value; }
};

struct HostHeader : Text {
  static constexpr std::string_view kPlaceholder = "keep|backend|NAME";
  static Parsed<std::string> parse(std::string_view text);
};

struct ListenAddress : Text {
  static constexpr std::string_view kPlaceholder = "ADDR";
  static constexpr char kSeparator = ',';
  static constexpr bool kSplitsFlags = true;
  static Parsed<std::string> parse(std::string_view text);
};

struct User {
  static constexpr std::string_view kPlaceholder = "NAME[:GROUP]";
  static Parsed<Account> parse(std::string_view text) { return find_account(text); }
  static std::string show(const std::optional<Account>&) { return {}; }
  static std::string write(const std::optional<Account>& value) { return value ? value->text : ""; }
};

// The name of a file. The program opens and checks the file when it uses it.
struct File : Text {
  static constexpr std::string_view kPlaceholder = "FILE";
  static constexpr Content kContent = Content::file;
  static Parsed<std::string> parse(std::string_view text);
};

struct ConfigFileName : File {
  static constexpr char kSeparator = ',';
};

struct CertificateFile : File {
  static constexpr std::string_view kPlaceholder = "CERT|self";
  static constexpr Content kContent = Content::certificate;
  static constexpr char kSeparator = ',';
};

struct KeyFile : File {
  static constexpr std::string_view kPlaceholder = "KEY";
  static constexpr char kSeparator = ',';
};

struct ClientAuthentication {
  static constexpr std::string_view kPlaceholder = "none|optional|required";
  static constexpr Content kContent = Content::choice;
  static Parsed<ClientAuth> parse(std::string_view text);
  static std::string show(const std::optional<ClientAuth>&) { return {}; }
  static std::string write(const std::optional<ClientAuth>& value);
};

struct Network : Text {
  static constexpr std::string_view kPlaceholder = "CIDR";
  static constexpr char kSeparator = ',';
  static constexpr bool kSplitsFlags = true;
  static Parsed<std::string> parse(std::string_view text);
};

struct NameServer : Text {
  static constexpr std::string_view kPlaceholder = "IP[:PORT]";
  static constexpr char kSeparator = ',';
  static constexpr bool kSplitsFlags = true;
  static Parsed<std::string> parse(std::string_view text);
};

struct UpgradeToken : Text {
  static constexpr std::string_view kPlaceholder = "TOKEN";
  static constexpr char kSeparator = ',';
  static constexpr bool kSplitsFlags = true;
  static Parsed<std::string> parse(std::string_view text);
};

// A forwarding field that may be passed on from every client.
struct ForwardingFieldName : Text {
  static constexpr std::string_view kPlaceholder = "NAME";
  static constexpr char kSeparator = ',';
  static constexpr bool kSplitsFlags = true;
  static Parsed<std::string> parse(std::string_view text);
};

struct FieldChange {
  static constexpr std::string_view kPlaceholder = "FIELD";
  static constexpr Content kContent = Content::field;
  static constexpr char kSeparator = '\n';
  static Parsed<FieldEdit> parse(std::string_view text);
  static std::string show(const FieldEdit& edit) { return edit.name; }
  static std::string write(const FieldEdit& edit) { return edit.written; }
};

// A value for the Host field of requests.
struct HostName : Text {
  static constexpr std::string_view kPlaceholder = "NAME";
  static Parsed<std::string> parse(std::string_view text);
};

// The name in a server's certificate.
struct ServerName : Text {
  static constexpr std::string_view kPlaceholder = "NAME";
  static Parsed<std::string> parse(std::string_view text);
};

}  // namespace onehop::config
