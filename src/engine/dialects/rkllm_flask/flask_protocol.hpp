#pragma once
// How Rockchip's flask_server.py up to 1.2.3 is asked (docs/facts/other_runtimes.md#rkllm-flask): everything
// as one user message at index 0, because it reads no other. No I/O.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/traits.hpp"
#include "engine/streaming/json_scanner.hpp"
#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::rkllm_flask {

// The answer of Rockchip's flask_server.py up to 1.2.3 (docs/facts/other_runtimes.md#rkllm-flask): whole JSON
// documents one behind the other, each of which repeats all pieces that came before it. No I/O.

// Takes a streamed answer and a whole one. Memory does not grow with the answer: of each document only the
// pieces beyond those of the one before are kept, and only until it ends. The end of the body is the only
// end; finish() fails inside of a document. A piece that is the only one of a document which says that the
// server failed ({"status":"error"}) is an error_part.
class flask_reader final : public streaming::answer_reader, private streaming::json_listener {
public:
    // `cumulative`: documents repeat earlier pieces (catalog::runtime_traits::cumulative).
    explicit flask_reader(bool cumulative, streaming::json_bounds bounds = {});

    [[nodiscard]] core::result<void> feed(std::string_view bytes,
                                          std::vector<streaming::answer_part>& out) override;
    [[nodiscard]] core::result<void> finish(std::vector<streaming::answer_part>& out) override;

private:
    // Where the scanner is, as far as it matters.
    enum class place { document, choices, choice, message, elsewhere };

    void on_open(bool object) override;
    void on_close() override;
    void on_key(std::string_view name) override;
    [[nodiscard]] bool wants_text() const override;
    void on_text(std::string_view text) override;
    void on_word(std::string_view word) override;
    [[nodiscard]] place here() const noexcept;
    [[nodiscard]] bool is_new() const noexcept;
    void end_document();

    bool cumulative_;
    streaming::json_scanner scanner_;
    std::vector<place> path_;
    std::string key_;
    std::uint64_t choices_ = 0;  // of this document so far, the open one included
    std::uint64_t seen_ = 0;     // of the document before
    bool has_choices_ = false;   // this document has the array
    std::string status_;         // of this document
    std::string message_;        // of this document
    std::vector<streaming::answer_part>* out_ = nullptr;
    core::reason trouble_;  // it is JSON, but no such answer: a sentence
};

class flask_protocol final : public streaming::stream_protocol {
public:
    explicit flask_protocol(catalog::runtime_traits traits) : traits_(std::move(traits)) {}
    // Sampling and limits are not sent: the server has its own, compiled in. errc::refused for a verbatim
    // prompt, because the server always puts the model's template around the message.
    [[nodiscard]] core::result<streaming::stream_request> request_for(const run_spec& spec) const override;
    [[nodiscard]] std::unique_ptr<streaming::answer_reader> reader(const run_spec& spec) const override;
    [[nodiscard]] streaming::error_part error_of(unsigned status, std::string_view body) const override;

private:
    catalog::runtime_traits traits_;
};

// Of a model whose profile names this dialect. Fails with a sentence that names the model.
[[nodiscard]] core::result<std::unique_ptr<streaming::stream_protocol>> protocol_for(
    const catalog::model_entry& model);

}  // namespace corral::engine::rkllm_flask
