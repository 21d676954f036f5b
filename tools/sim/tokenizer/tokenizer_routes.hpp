#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "settings_store.hpp"
#include "tokenizer/conversation.hpp"
#include "tokenizer/python_http.hpp"

namespace corral::sim {

// The routes of a family B tokenizer service with its uid objects, which a restart forgets.
class tokenizer_routes {
public:
    tokenizer_routes(settings_store& settings, fault_switches& faults)
        : settings_(settings), faults_(faults) {}

    std::optional<python_body> handle(const python_request& request);

    void forget_uids();
    void mute_all();
    nlohmann::json state() const;
    nlohmann::json requests_since(std::int64_t seq) const;

private:
    struct seen_request {
        std::int64_t seq;
        std::int64_t ns;
        std::string route;
        std::string body;
    };

    void remember(const python_request& request);
    std::string get(const std::string& path);
    std::string post(const std::string& path, const nlohmann::json& body);
    std::string new_uid();
    void meet_end_faults(const std::string& path);
    void print(conversation& object);
    std::string user_text(const nlohmann::json& body);
    void add_foreign_id(token_ids& ids, const std::string& path);

    settings_store& settings_;
    fault_switches& faults_;
    mutable std::mutex mutex_;
    std::map<std::string, conversation> objects_;
    std::map<std::string, int> calls_;
    std::deque<seen_request> seen_;
    std::int64_t last_seq_ = 0;
    int changed_turns_ = 0;
};

}  // namespace corral::sim
