#include "process/children/run_token.hpp"

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <random>
#include <set>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"
#include "corral/process/warden.hpp"
#include "process/children/pidfd.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

constexpr char separator = '.';
constexpr std::string_view version = "1";
constexpr std::chrono::milliseconds pause_between_looks{10};

std::optional<std::uint64_t> own_pid_namespace() {
    struct stat about {};
    if (::stat("/proc/self/ns/pid", &about) != 0) {
        return std::nullopt;
    }
    return about.st_ino;
}

std::string make_nonce() {
    std::random_device source;
    std::array<char, 40> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%08x%08x%08x%08x", source(), source(), source(), source());
    return {text.data(), static_cast<std::size_t>(length)};
}

template <typename T>
bool take_number(std::string_view& text, T& value) {
    const auto end = text.find(separator);
    const std::string_view word = text.substr(0, end);
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (end == std::string_view::npos || error != std::errc{} || stop != word.data() + word.size()) {
        return false;
    }
    text.remove_prefix(end + 1);
    return true;
}

bool carries(pid_t pid, const token_filter& wanted) {
    const auto token = environment_of(pid, warden::token_name());
    return token && wanted(pid, *token);
}

// The handle comes before the second look: what is killed is what was looked at, whatever happens to the
// number.
bool kill_if_carrier(pid_t pid, const token_filter& wanted) {
    if (!carries(pid, wanted)) {
        return false;
    }
    const core::owned_fd handle(open_pidfd(pid));
    return handle.valid() && carries(pid, wanted) && signal_pidfd(handle.get(), SIGKILL) == 0;
}

}  // namespace

std::optional<run_token> make_run_token() {
    const auto space = own_pid_namespace();
    const auto self = read_process(::getpid());
    if (!space || !self) {
        return std::nullopt;
    }
    return run_token{*space, self->pid, self->start_time, make_nonce()};
}

std::string to_string(const run_token& token) {
    std::string text(version);
    for (const std::string& part : {std::to_string(token.pid_namespace), std::to_string(token.daemon),
                                    std::to_string(token.daemon_start), token.nonce}) {
        text += separator;
        text += part;
    }
    return text;
}

std::optional<run_token> parse_run_token(std::string_view text) {
    run_token token;
    int made_as = 0;
    if (!take_number(text, made_as) || made_as != 1 || !take_number(text, token.pid_namespace) ||
        !take_number(text, token.daemon) || !take_number(text, token.daemon_start) || token.daemon <= 0) {
        return std::nullopt;
    }
    token.nonce = text;
    return token;
}

bool daemon_is_gone(const run_token& token) {
    const auto space = own_pid_namespace();
    if (!space || *space != token.pid_namespace) {
        return false;
    }
    const auto row = read_process(token.daemon);
    return !row || row->start_time != token.daemon_start || row->ended();
}

std::vector<pid_t> kill_token_carriers(const token_filter& wanted, std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    std::set<pid_t> killed;
    for (bool found = true; found && std::chrono::steady_clock::now() < end;) {
        found = false;
        for (const pid_t pid : all_processes()) {
            if (pid != ::getpid() && kill_if_carrier(pid, wanted)) {
                found = true;
                killed.insert(pid);
            }
        }
        if (found) {
            std::this_thread::sleep_for(pause_between_looks);
        }
    }
    return {killed.begin(), killed.end()};
}

}  // namespace corral::process
