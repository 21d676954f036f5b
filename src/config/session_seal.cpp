#include "corral/config/session_seal.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include "corral/core/files.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::config {

namespace {

constexpr const char* file_name = "sessions.secret";
constexpr char between = '~';  // in no name of a key, and safe in a cookie

bool equal_in_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

core::result<session_seal::secret> random_secret() {
    session_seal::secret made{};
    if (::getrandom(made.data(), made.size(), 0) != static_cast<ssize_t>(made.size())) {
        return core::errno_failure(errno, core::say("configuration.key-file/system-gives"));
    }
    return made;
}

// No key in a file has such a name.
key_entry key_of_user(unsigned uid) {
    key_entry out;
    out.name = "@" + std::to_string(uid);
    return out;
}

}  // namespace

core::result<session_seal> session_seal::load(const std::filesystem::path& folder) {
    if (!folder.empty()) {
        const auto kept = core::read_private_file(folder / file_name);
        const auto known = kept ? core::hex_bytes<secret>(core::trimmed(kept->text)) : std::nullopt;
        if (known) {
            return session_seal(*known);
        }
    }
    const auto made = random_secret();
    if (!made) {
        return made.error();
    }
    if (!folder.empty() && core::make_private_folder(folder)) {
        core::private_file file;
        file.text = core::hex_text(made->data(), made->size()) + "\n";
        file.owner = ::geteuid();
        file.group = ::getegid();
        // Where it can't be kept, people log in again after a restart.
        static_cast<void>(core::replace_private_file(folder / file_name, file));
    }
    return session_seal(*made);
}

std::string session_seal::mark_of(const key_entry& key, std::string_view until) const {
    std::string text = "corral session 1";
    for (const std::string_view part : {std::string_view(key.name), until}) {
        text += between;
        text += part;
    }
    text += between;
    text += core::hex_text(key.digest.data(), key.digest.size());
    std::array<unsigned char, EVP_MAX_MD_SIZE> mark{};
    unsigned length = 0;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
    const bool made = HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()), bytes, text.size(),
                           mark.data(), &length) != nullptr;
    return made ? core::hex_text(mark.data(), length) : std::string();
}

std::string session_seal::open_for(const key_entry& key, std::int64_t now) const {
    const std::string until = std::to_string(now + life);
    return key.name + between + until + between + mark_of(key, until);
}

// One that was opened while the clock was years ahead is over with that mistake; a correction of hours ends none.
bool session_seal::opens(const key_entry& key, std::string_view shown, std::int64_t now) const {
    const auto parts = core::split(shown, between);
    if (parts.size() != 3 || parts[2].empty() ||
        std::ranges::find(ended_, parts[2], &ended::mark) != ended_.end()) {
        return false;
    }
    std::int64_t until = 0;
    const auto read = std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), until);
    if (read.ec != std::errc() || read.ptr != parts[1].data() + parts[1].size() || until <= now ||
        until - now > 2 * life) {
        return false;
    }
    return parts[0] == key.name && equal_in_time(mark_of(key, parts[1]), parts[2]);
}

const key_entry* session_seal::find(const key_ring& keys, std::string_view shown, std::int64_t now) const {
    const std::string_view name = shown.substr(0, shown.find(between));
    const auto key = std::ranges::find(keys.all(), name, &key_entry::name);
    return key != keys.all().end() && opens(*key, shown, now) ? &*key : nullptr;
}

std::string session_seal::open_for_user(unsigned uid, std::int64_t now) const {
    return open_for(key_of_user(uid), now);
}

bool session_seal::is_of_user(unsigned uid, std::string_view shown, std::int64_t now) const {
    return opens(key_of_user(uid), shown, now);
}

core::result<std::string> session_seal::make_ticket(core::steady_time now) {
    constexpr std::size_t most = 8;
    const auto made = random_secret();
    if (!made) {
        return made.error();
    }
    if (tickets_.size() >= most) {
        tickets_.pop_front();
    }
    tickets_.push_back({core::hex_text(made->data(), made->size()), now});
    return tickets_.back().word;
}

bool session_seal::take_ticket(std::string_view shown, core::steady_time now) {
    std::erase_if(tickets_, [&](const ticket& one) { return now - one.made >= ticket_life; });
    const auto gone =
        std::erase_if(tickets_, [&](const ticket& one) { return equal_in_time(one.word, shown); });
    return gone > 0;
}

bool session_seal::may_try(const std::string& share, core::steady_time now) {
    constexpr unsigned most = 8;
    constexpr std::size_t most_shares = 1024;
    std::erase_if(failures_, [&](const auto& one) { return now - one.second.since >= core::seconds{60}; });
    const auto found = failures_.find(share);
    return found != failures_.end() ? found->second.count < most : failures_.size() < most_shares;
}

void session_seal::note_failure(const std::string& share, core::steady_time now) {
    failures_.try_emplace(share, failures{now, 0}).first->second.count += 1;
}

// Only what is open: a stranger's inventions would push out what has ended, and open it again.
void session_seal::end(const key_ring* keys, std::string_view shown, std::int64_t now) {
    constexpr std::ptrdiff_t most_of_key = 64;
    const std::string_view name = shown.substr(0, shown.find(between));
    const auto uid = name.starts_with('@') ? core::whole_number<unsigned>(name.substr(1)) : std::nullopt;
    const bool is_open =
        keys != nullptr ? find(*keys, shown, now) != nullptr : uid && is_of_user(*uid, shown, now);
    if (!is_open) {
        return;
    }
    if (std::ranges::count(ended_, name, &ended::key) >= most_of_key) {
        ended_.erase(std::ranges::find(ended_, name, &ended::key));
    }
    ended_.push_back({std::string(name), std::string(shown.substr(shown.rfind(between) + 1))});
}

}  // namespace corral::config
