#pragma once
// The operator's desk of the API: its verbs, and commands of our own program for what reads files.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "admin_verbs.hpp"
#include "box_feed.hpp"
#include "corral/api/operator_desk.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/monitor/speed_history.hpp"
#include "corral/process/warden.hpp"
#include "corral/telemetry/run_journal.hpp"
#include "lent_models.hpp"

namespace corral::daemon {

// The requests that wait, run and ran, as `GET /corral/v1/requests` has them; shapes and times, never a text.
[[nodiscard]] api::desk_json requests_json(const admin_context& context,
                                           const telemetry::run_journal& journal);

struct box_desk_parts {
    const admin_context* admin = nullptr;  // filled before the first request
    const telemetry::run_journal* journal = nullptr;
    const monitor::speed_history* speeds = nullptr;
    process::warden* guard = nullptr;
    std::function<std::optional<std::filesystem::path>()> keys_file;
    std::function<void()> keys_changed;   // reads them again, soon
    std::string program;                  // our own, absolute
    std::vector<std::string> place;       // for every command: --config FILE, or nothing
    std::vector<std::string> server;      // for those that ask it: --socket FILE, or nothing
    config::configuration_source source;  // of the settings; its file absolute
};

class box_desk final : public api::operator_desk {
public:
    // All are borrowed and outlive the desk.
    box_desk(core::task_group& tasks, const core::clock_source& clock, box_desk_parts parts);
    ~box_desk() override;

    [[nodiscard]] api::desk_json status() const override;
    [[nodiscard]] api::desk_json requests() const override;
    [[nodiscard]] core::awaitable<api::desk_json> ask(api::desk_json verb) override;
    [[nodiscard]] core::awaitable<core::result<api::desk_answer>> run(std::vector<std::string> words,
                                                                      shape made,
                                                                      std::string client) override;
    [[nodiscard]] core::awaitable<core::result<api::desk_answer>> speeds() override;
    [[nodiscard]] core::awaitable<core::result<api::desk_answer>> incidents() override;
    [[nodiscard]] core::awaitable<core::result<api::desk_answer>> incident(std::string name) override;
    [[nodiscard]] core::result<std::unique_ptr<api::desk_stream>> watch(const std::string& client) override;
    [[nodiscard]] core::result<std::unique_ptr<api::desk_stream>> follow(const api::log_question& asked,
                                                                         const std::string& client) override;
    [[nodiscard]] core::awaitable<core::result<std::string>> make_key(std::string name,
                                                                      config::key_scopes scopes,
                                                                      std::string maker) override;
    [[nodiscard]] core::awaitable<core::result<std::vector<std::string>>> remove_key(
        std::string name) override;
    [[nodiscard]] core::awaitable<core::result<api::desk_answer>> settings() override;
    [[nodiscard]] bool logs_content() const override;
    [[nodiscard]] lent_models& lent() noexcept { return lent_; }

private:
    struct command;
    [[nodiscard]] bool streams_end() const;
    void serve_again(const std::string& model, bool overdue);

    const core::clock_source& clock_;
    box_desk_parts parts_;
    std::shared_ptr<std::map<std::string, int>> followers_ =
        std::make_shared<std::map<std::string, int>>();  // of lines, by client
    std::shared_ptr<std::multiset<std::string>> commands_ = std::make_shared<
        std::multiset<std::string>>();  // the clients of those that run or wait for their turn
    lent_models lent_;
    bool running_ = false;  // one of them
    core::wake_signal command_over_;
    core::disk_work disk_;
    box_feed feed_;
};

}  // namespace corral::daemon
