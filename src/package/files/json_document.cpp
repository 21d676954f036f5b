#include "package/files/json_document.hpp"

#include <vector>

#include <nlohmann/json.hpp>

#include "corral/core/text.hpp"

namespace corral::package {

namespace {

constexpr std::size_t deepest = 64;
constexpr std::size_t deepest_kept = 3;
constexpr std::size_t most_values = 10'000;
constexpr std::size_t longest_text = 4096;

using json = nlohmann::json;

// Keeps what is wanted while the text is read, so that nothing of its size is ever built.
class top_values : public nlohmann::json_sax<json> {
public:
    explicit top_values(std::map<std::string, std::string>& to) : to_(to) {}

    bool null() override { return keep({}); }
    bool boolean(bool value) override { return keep(value ? "true" : "false"); }
    bool number_integer(number_integer_t value) override { return keep(std::to_string(value)); }
    bool number_unsigned(number_unsigned_t value) override { return keep(std::to_string(value)); }
    bool number_float(number_float_t, const string_t& written) override {
        return keep(written.substr(0, longest_text));
    }
    bool string(string_t& value) override { return keep(value.substr(0, longest_text)); }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override { return open(false); }
    bool key(string_t& name) override {
        key_ = name.substr(0, longest_text);
        return true;
    }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override { return open(true); }
    bool end_array() override { return close(); }
    bool parse_error(std::size_t, const std::string&, const json::exception&) override { return false; }

    [[nodiscard]] bool was_object() const noexcept { return was_object_; }

private:
    struct level {
        std::string prefix;
        bool list = false;
    };

    [[nodiscard]] bool wanted() const {
        return !levels_.empty() && !levels_.back().list && levels_.size() <= deepest_kept;
    }

    bool keep(std::string value) {
        if (wanted()) {
            to_[levels_.back().prefix + key_] = std::move(value);
        }
        return ++seen_ <= most_values;
    }

    bool open(bool list) {
        if (levels_.empty()) {
            was_object_ = !list;
        }
        if (wanted()) {
            to_[levels_.back().prefix + key_].clear();
        }
        const bool inside_list = list || (!levels_.empty() && levels_.back().list);
        const bool named = !levels_.empty() && !inside_list && levels_.size() < deepest_kept;
        levels_.push_back({named ? levels_.back().prefix + key_ + "." : std::string(), inside_list});
        return levels_.size() <= deepest && ++seen_ <= most_values;
    }

    bool close() {
        levels_.pop_back();
        return true;
    }

    std::map<std::string, std::string>& to_;
    std::vector<level> levels_;
    std::string key_;
    std::size_t seen_ = 0;
    bool was_object_ = false;
};

}  // namespace

std::optional<json_document> json_document::parse(std::string_view text) {
    json_document out;
    top_values reader(out.known_);
    if (!json::sax_parse(text, &reader) || !reader.was_object()) {
        return std::nullopt;
    }
    return out;
}

std::string json_document::text(const std::string& key) const {
    const auto found = known_.find(key);
    return found == known_.end() ? std::string() : found->second;
}

std::optional<std::uint64_t> json_document::count(const std::string& key, std::uint64_t most) const {
    const std::string written = text(key);
    const auto value = core::whole_number<std::uint64_t>(written);
    return value && *value >= 1 && *value <= most ? value : std::nullopt;
}

}  // namespace corral::package
