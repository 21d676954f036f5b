#pragma once
// What `corral report` sends of an incident, and when it tries again. Decides only.

#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace corral::cli {

// The body of one POST. Of the bundle only numbers and the words of a fixed list of members: no sentence, no printed line,
// nothing that a client has sent. At most 64 KiB.
[[nodiscard]] std::string report_text(const nlohmann::ordered_json& bundle, const std::string& name,
                                      const std::string& box);

enum class report_verdict {
    taken,
    refused,  // this one is not wanted, whenever it is sent
    later,
};

[[nodiscard]] report_verdict verdict_of(unsigned http_status);

// What has been sent, and how the address fared; kept between runs.
class report_ledger {
public:
    using time = std::chrono::system_clock::time_point;
    static constexpr int format = 1;
    static constexpr std::chrono::minutes shortest_pause{1};  // twice as long after each failure
    static constexpr std::chrono::hours longest_pause{6};

    // Of what text() gave; anything else is an empty one.
    [[nodiscard]] static report_ledger parse(std::string_view text);
    [[nodiscard]] std::string text() const;

    // Those of `names` that were not settled, in their order.
    [[nodiscard]] std::vector<std::string> unsent(const std::vector<std::string>& names) const;
    // Forgets what is not among `names` any more.
    void keep(const std::vector<std::string>& names);
    // Sent, or refused for good.
    void settle(const std::string& name);

    void fail(time now);
    // How long to wait before the next try; 0: none is due to wait for. A clock that was set back costs the longest pause
    // at most.
    [[nodiscard]] std::chrono::seconds wait(time now) const;

private:
    std::set<std::string, std::less<>> settled_;
    unsigned failures_ = 0;  // since the address took something
    time next_{};
};

}  // namespace corral::cli
