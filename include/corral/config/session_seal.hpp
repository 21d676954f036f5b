#pragma once
// The sessions of browsers that logged in with an API key: a sealed text in a cookie, so that nothing is kept of them
// but those that were ended. One ends with its time, with its key, and with a log-out.

#include <array>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "corral/config/key_ring.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::config {

class session_seal {
public:
    using secret = std::array<std::uint8_t, 32>;
    // How long a session lasts, in seconds.
    static constexpr std::int64_t life = 30L * 24 * 60 * 60;

    explicit session_seal(const secret& with) : secret_(with) {}

    // With the secret of `folder`, which is made where there is none, so that sessions outlive a restart; where it can't
    // be kept, or `folder` is empty, one of this process. Blocking; fails when the system gives no random numbers.
    [[nodiscard]] static core::result<session_seal> load(const std::filesystem::path& folder);

    // What a browser shows from now on; `now` in seconds since 1970.
    [[nodiscard]] std::string open_for(const key_entry& key, std::int64_t now) const;
    // The key of the session, borrowed from `keys`; nullptr: it is none of ours, or over.
    [[nodiscard]] const key_entry* find(const key_ring& keys, std::string_view shown, std::int64_t now) const;
    // Wrong keys of one share of addresses within a minute; of 1024 shares, and where there are more none may try.
    [[nodiscard]] bool may_try(const std::string& share, core::steady_time now);
    void note_failure(const std::string& share, core::steady_time now);

    // It is over, where it is one of `keys`, or without them of a user of this machine; the last 64 of each that were ended
    // are kept in mind.
    void end(const key_ring* keys, std::string_view shown, std::int64_t now);

    // Where no keys are asked for: of a browser of that user of this machine.
    [[nodiscard]] std::string open_for_user(unsigned uid, std::int64_t now) const;
    [[nodiscard]] bool is_of_user(unsigned uid, std::string_view shown, std::int64_t now) const;
    // A word that opens one of these, once and within `ticket_life`; the last eight count. Fails when the system gives no
    // random numbers.
    static constexpr core::seconds ticket_life{600};
    [[nodiscard]] core::result<std::string> make_ticket(core::steady_time now);
    [[nodiscard]] bool take_ticket(std::string_view shown, core::steady_time now);

private:
    [[nodiscard]] std::string mark_of(const key_entry& key, std::string_view until) const;
    [[nodiscard]] bool opens(const key_entry& key, std::string_view shown, std::int64_t now) const;

    secret secret_;
    struct ended {
        std::string key;
        std::string mark;
    };
    std::deque<ended> ended_;
    struct failures {
        core::steady_time since;
        unsigned count = 0;
    };
    std::map<std::string, failures> failures_;
    struct ticket {
        std::string word;
        core::steady_time made;
    };
    std::deque<ticket> tickets_;
};

}  // namespace corral::config
