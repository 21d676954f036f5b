#pragma once
// The `backend` of a server that answers one POST with a stream: a group of services, and runs over the last
// of them. What differs from server to server is its stream_protocol and its profile.

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "corral/engine/shown_model.hpp"
#include "corral/telemetry/output_lines.hpp"
#include "engine/group_backend.hpp"
#include "engine/streaming/cache_salts.hpp"
#include "engine/streaming/prefix_places.hpp"
#include "engine/streaming/prompt_sizes.hpp"
#include "engine/streaming/stream_run.hpp"

namespace corral::engine::streaming {

class stream_backend final : public group_backend {
public:
    // Takes ports from the kernel where none is given, expands the service templates and makes the group,
    // stopped. Fails with a sentence that names the model and the service, or as `protocol` did. With `handover`
    // as dialect_descriptor::adopt: ports and processes are those, and it is ready at once.
    [[nodiscard]] static core::result<std::unique_ptr<backend>> make(
        const supervisor::supervisor_context& context, const catalog::model_entry& model,
        core::result<std::unique_ptr<stream_protocol>> protocol, const backend_handover* handover = nullptr);
    // dialect_descriptor::fingerprint of all that are made here.
    [[nodiscard]] static std::string fingerprint_of(const catalog::model_entry& model);
    // REQUIRES: stopped, and no run goes on.
    ~stream_backend() override;

    [[nodiscard]] backend_facts facts() const noexcept override;
    [[nodiscard]] backend_report report() const override;
    [[nodiscard]] stated_model stated() const override;
    [[nodiscard]] learned_sizes learned() const override {
        return {.prompt_limit = prompt_limit(), .tokens_per_letter = sizes_.tokens_per_letter()};
    }
    [[nodiscard]] bool renew(const catalog::model_entry& as) override;
    [[nodiscard]] core::awaitable<embedding_outcome> embed(embedding_order order) override;
    // By the server's count where it offers one (prompt_sizes.hpp).
    [[nodiscard]] core::awaitable<core::result<prompt_measure>> measure(const chat::rendered_prompt& prompt,
                                                                        core::deadline until) override;
    [[nodiscard]] core::awaitable<core::result<prompt_measure>> count_beside(
        const chat::rendered_prompt& prompt, core::deadline until) override;
    [[nodiscard]] core::awaitable<run_outcome> run(run_spec spec, run_sink& sink, run_control& control,
                                                   std::function<void(const run_outcome&)> on_end) override;
    [[nodiscard]] std::optional<core::steady_time> clears_at() const override { return runs_.clears_at(); }
    [[nodiscard]] std::size_t held_bytes(const chat::rendered_prompt& prompt,
                                         std::string_view owner) const noexcept override;
    void start() override;
    [[nodiscard]] core::awaitable<bool> stop(core::deadline until) override;
    [[nodiscard]] std::optional<backend_handover> hand_over() const override;

private:
    [[nodiscard]] std::uint32_t context_length() const noexcept {
        return sizes_.context(model_.context.positions);
    }
    [[nodiscard]] reuse_report reuse() const;
    struct places : group_places {
        unsigned capacity = 1;
    };
    [[nodiscard]] static core::result<places> find_places(const supervisor::supervisor_context& context,
                                                          const catalog::model_entry& model,
                                                          const backend_handover* handover);
    stream_backend(const supervisor::supervisor_context& context, catalog::model_entry model, places where,
                   std::unique_ptr<stream_protocol> protocol, const backend_handover* handover);

    void on_output(std::string_view service, process::output_stream stream, std::string_view bytes) override;
    void on_status(const supervisor::service_status& now) override;
    [[nodiscard]] stream_parts parts();
    [[nodiscard]] std::vector<catalog::log_meaning> failing_lines() const;
    [[nodiscard]] telemetry::line_assembler line_reader();
    [[nodiscard]] std::optional<stream_parts::lost_server> lost_since(std::uint64_t mark) const;
    [[nodiscard]] core::awaitable<core::result<void>> self_test();
    // What it says of its model, where it says it. Never fails a start.
    [[nodiscard]] core::awaitable<void> ask_for_model();
    // Where its template has the system prompt, where it shows that. Never fails a start.
    [[nodiscard]] core::awaitable<void> ask_for_template();
    [[nodiscard]] core::awaitable<embedding_outcome> ask_for_vectors(embedding_order order);
    [[nodiscard]] core::awaitable<void> quiesce(core::deadline until);
    void close_kept();
    // Where the server computes it, and whether it may use what is there.
    [[nodiscard]] std::optional<prefix_places::choice> place_of(run_spec& spec);
    // Whose what is there may be used by; one name for all where the model's settings say so.
    [[nodiscard]] std::string_view share_of(std::string_view owner) const noexcept {
        return model_.reuse_across_keys ? std::string_view() : owner;
    }
    // The server refused a salt; whether this owner's prompts may go without.
    [[nodiscard]] bool goes_unsalted(const std::string& owner);
    // What is known of the prompts of another process is of no use.
    void look_at_process();
    // Of a prompt; 0 unknown.
    [[nodiscard]] std::uint32_t prompt_limit() const noexcept;
    // A limit beyond the context would be refused, or is one that the context is.
    [[nodiscard]] core::awaitable<void> fit_max_tokens(run_spec& spec);

    places places_;
    std::unique_ptr<stream_protocol> protocol_;
    std::vector<std::string_view> sampling_;  // of model_
    supervisor::service_status runtime_;
    bool stop_wanted_ = false;
    stream_clocks clocks_;
    std::shared_ptr<http::kept_connections> kept_;  // null: the server keeps none
    prompt_sizes sizes_;
    stated_model stated_;
    // Of the model's file, once it has been looked at.
    std::shared_ptr<std::shared_ptr<const file_facts>> file_facts_ =
        std::make_shared<std::shared_ptr<const file_facts>>();
    prefix_places prefixes_;
    cache_salts salts_;
    unsalted_prompts unsalted_;  // of the process of now
    reuse_report reuse_;
    std::uint64_t prefixes_of_ = 0;  // the process that they are about, as runtime_.starts
    bool warned_of_format_ = false;
    stream_run runs_;
    std::array<telemetry::line_assembler, 2> lines_;  // of the runtime, by output_stream
};

}  // namespace corral::engine::streaming
