#pragma once
// Vectors out of a server's JSON, read in pieces cut anywhere and without a tree: memory holds numbers alone. The input is
// hostile. No I/O.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/traits.hpp"
#include "corral/engine/backend.hpp"
#include "engine/streaming/json_scanner.hpp"

namespace corral::engine::streaming {

inline constexpr std::size_t most_dimensions = 65'536;

class embedding_answer final : private json_listener {
public:
    // `how` outlives it. `texts`: how many were asked for.
    embedding_answer(const catalog::embedding_trait& how, std::size_t texts);
    embedding_answer(const embedding_answer&) = delete;
    embedding_answer& operator=(const embedding_answer&) = delete;
    ~embedding_answer() override = default;

    // Nothing more may be fed after a failure, which says what is wrong with the answer.
    [[nodiscard]] std::optional<chat::failure> feed(std::string_view bytes);
    // The body is complete: a vector for each text, in their order, all of one length.
    [[nodiscard]] embedding_outcome finish();

private:
    // An open container, and where it stands on the ways to what is wanted.
    struct level {
        bool object = false;
        bool to_vectors = false;
        bool to_tokens = false;
        std::string key;          // of the value that comes next
        std::size_t members = 0;  // values so far, of an array
    };
    using way = std::vector<std::string_view>;

    void on_open(bool object) override;
    void on_close() override;
    void on_key(std::string_view name) override;
    [[nodiscard]] bool wants_text() const override { return in_vector_; }
    void on_text(std::string_view text) override;
    void on_word(std::string_view word) override;

    // The next value of the innermost container lies on `pattern`.
    [[nodiscard]] bool next_is_on(const way& pattern, bool level::*side) const;
    void begin_vector();
    void add_number(std::string_view word);
    void check_index(std::string_view word);
    void count_value();
    void wrong(const std::string& what);

    way vectors_way_;
    way tokens_way_;
    std::size_t star_ = 0;  // where "*" stands in vectors_way_
    std::size_t texts_;
    json_scanner scanner_;
    std::vector<level> levels_;
    bool in_vector_ = false;
    embedding_result result_;
    std::optional<chat::failure> why_;
};

}  // namespace corral::engine::streaming
