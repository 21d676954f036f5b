#include "corral/package/gguf_header.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <fstream>
#include <utility>

#include <fmt/format.h>

namespace corral::package {

namespace {

constexpr std::uint64_t most_pairs = 100'000;
constexpr std::uint64_t most_tensors = 1'000'000;
constexpr std::uint64_t longest_kept = 4096;
constexpr std::uint32_t most_dimensions = 8;
// Of what is listed on request. A real model has some hundred tensors, and no loader takes a longer name.
constexpr std::size_t most_listed_tensors = 4096;
constexpr std::size_t longest_tensor_name = 64;
constexpr std::uint64_t most_listed_values = 256;
constexpr std::size_t most_listed_bytes = 64 * 1024;  // of all lists

enum value_type : std::uint32_t { text_type = 8, list_type = 9 };

// By type number; 0: of no fixed size.
constexpr std::array<std::size_t, 13> type_bytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

constexpr std::array<std::pair<std::uint64_t, const char*>, 25> file_types{
    {{0, "F32"},      {1, "F16"},      {2, "Q4_0"},    {3, "Q4_1"},    {7, "Q8_0"},
     {8, "Q5_0"},     {9, "Q5_1"},     {10, "Q2_K"},   {11, "Q3_K_S"}, {12, "Q3_K_M"},
     {13, "Q3_K_L"},  {14, "Q4_K_S"},  {15, "Q4_K_M"}, {16, "Q5_K_S"}, {17, "Q5_K_M"},
     {18, "Q6_K"},    {19, "IQ2_XXS"}, {20, "IQ2_XS"}, {21, "Q2_K_S"}, {22, "IQ3_XS"},
     {23, "IQ3_XXS"}, {25, "IQ4_NL"},  {26, "IQ3_S"},  {30, "IQ4_XS"}, {32, "BF16"}}};

// As Ollama names them (docs/facts/ollama_wire.md#listings).
constexpr std::array<std::pair<std::uint64_t, const char*>, 17> tensor_types{{{0, "F32"},
                                                                              {1, "F16"},
                                                                              {2, "Q4_0"},
                                                                              {3, "Q4_1"},
                                                                              {6, "Q5_0"},
                                                                              {7, "Q5_1"},
                                                                              {8, "Q8_0"},
                                                                              {9, "Q8_1"},
                                                                              {10, "Q2_K"},
                                                                              {11, "Q3_K"},
                                                                              {12, "Q4_K"},
                                                                              {13, "Q5_K"},
                                                                              {14, "Q6_K"},
                                                                              {15, "Q8_K"},
                                                                              {28, "F64"},
                                                                              {30, "BF16"},
                                                                              {39, "MXFP4"}}};

template <typename Names>
const char* name_in(const Names& names, std::uint64_t number, const char* unknown) {
    const auto* const known =
        std::ranges::find_if(names, [number](const auto& one) { return one.first == number; });
    return known == names.end() ? unknown : known->second;
}

// Bytes one after the other; past the end everything is 0 and `ended`.
class byte_reader {
public:
    explicit byte_reader(std::string_view from) : all_(from) {}

    std::uint64_t number(std::size_t bytes) {
        const auto part = take(bytes);
        std::uint64_t out = 0;
        for (std::size_t i = 0; i < part.size() && i < sizeof out; ++i) {
            out |= std::uint64_t{static_cast<unsigned char>(part[i])} << (8 * i);
        }
        return out;
    }
    std::string_view text() { return take(number(8)); }
    std::string_view take(std::uint64_t bytes) {
        if (bytes > all_.size() - at_) {
            ended_ = true;
            at_ = all_.size();
            return {};
        }
        const auto out = all_.substr(at_, static_cast<std::size_t>(bytes));
        at_ += out.size();
        return out;
    }
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    [[nodiscard]] std::uint64_t at() const noexcept { return at_; }

private:
    std::string_view all_;
    std::size_t at_ = 0;
    bool ended_ = false;
};

std::string kept(std::string_view text) {
    return std::string(text.substr(0, longest_kept));
}

struct pair_value {
    std::uint64_t type = 0;
    std::string text;
    std::uint64_t number = 0;         // its bits
    nlohmann::json values = nullptr;  // of a list that is shown
};

// With as few digits as its type needs; null where it is no number.
template <typename Real>
nlohmann::json shown(Real value) {
    std::array<char, 64> text{};
    const auto [end, wrong] = std::to_chars(text.begin(), text.end(), value);
    double out = 0;
    std::from_chars(text.begin(), end, out);
    return std::isfinite(value) && wrong == std::errc{} ? nlohmann::json(out) : nlohmann::json();
}

nlohmann::json shown_value(const pair_value& value) {
    switch (value.type) {
        case 1:
            return static_cast<std::int8_t>(value.number);
        case 3:
            return static_cast<std::int16_t>(value.number);
        case 5:
            return static_cast<std::int32_t>(value.number);
        case 6:
            return shown(std::bit_cast<float>(static_cast<std::uint32_t>(value.number)));
        case 7:
            return value.number != 0;
        case text_type:
            return value.text;
        case list_type:
            return value.values;
        case 11:
            return static_cast<std::int64_t>(value.number);
        case 12:
            return shown(std::bit_cast<double>(value.number));
        default:
            return value.number;
    }
}

bool is_shown(std::string_view key, const pair_value& value) {
    constexpr std::size_t longest = 256;
    return key != "general.name" && key != "tokenizer.chat_template" && key.size() <= longest &&
           value.text.size() <= longest;
}

pair_value read_one(byte_reader& reader, std::uint64_t type) {
    pair_value out;
    out.type = type;
    if (type == text_type) {
        out.text = kept(reader.text());
    } else {
        out.number = reader.number(type_bytes[type]);
    }
    return out;
}

// Null where it is too long to be shown, or `room` for all lists is used up. Nothing where the type is none, or the end
// has come.
std::optional<nlohmann::json> read_list(byte_reader& reader, std::size_t& room) {
    const std::uint64_t type = reader.number(4);
    const std::uint64_t count = reader.number(8);
    if (type >= type_bytes.size() || type == list_type) {
        return std::nullopt;
    }
    const bool listed = room > 0 && count <= most_listed_values;
    if (type != text_type && !listed) {
        // No product of these two overflows what take() refuses.
        const bool sane = count <= (std::uint64_t{1} << 40U);
        reader.take(sane ? count * type_bytes[type] : count);
        return reader.ended() ? std::nullopt : std::optional<nlohmann::json>(nullptr);
    }
    nlohmann::json values = nlohmann::json::array();
    for (std::uint64_t i = 0; i < count && !reader.ended(); ++i) {
        if (!listed) {
            (void)reader.text();
            continue;
        }
        const pair_value one = read_one(reader, type);
        const std::size_t bytes = sizeof(nlohmann::json) + one.text.size();
        if (bytes < room) {
            room -= bytes;
            values.push_back(shown_value(one));
        }
    }
    if (reader.ended()) {
        return std::nullopt;
    }
    return std::make_optional(listed && values.size() == count ? std::move(values) : nlohmann::json());
}

std::optional<pair_value> read_value(byte_reader& reader, std::size_t& room) {
    const std::uint64_t type = reader.number(4);
    if (type >= type_bytes.size()) {
        return std::nullopt;
    }
    if (type == list_type) {
        pair_value out;
        out.type = type;
        auto values = read_list(reader, room);
        out.values = values ? std::move(*values) : nlohmann::json();
        return values ? std::optional(std::move(out)) : std::nullopt;
    }
    const pair_value out = read_one(reader, type);
    return reader.ended() ? std::nullopt : std::optional(out);
}

// Of any architecture, which comes first but need not.
bool is_of_architecture(std::string_view key, std::string_view name) {
    return key.ends_with(name) && std::ranges::count(key, '.') == 1;
}

// Mean, first or last token; not none, and not a ranking of pairs.
bool makes_one_vector(std::uint64_t pooling) {
    return pooling >= 1 && pooling <= 3;
}

void keep(std::string_view key, const pair_value& value, gguf_header& to, std::uint64_t& alignment) {
    constexpr std::size_t most_shown = 512;
    if (is_shown(key, value) && to.shown.size() < most_shown) {
        to.shown[std::string(key)] = shown_value(value);
    }
    if (key == "general.name") {
        to.name = value.text;
    } else if (key == "general.architecture") {
        to.architecture = value.text;
    } else if (key == "general.size_label") {
        to.size_label = value.text;
    } else if (key == "general.file_type") {
        to.file_type = name_in(file_types, value.number, "");
    } else if (key == "general.alignment" && value.number >= 8 && value.number <= 65536) {
        alignment = value.number;
    } else if (is_of_architecture(key, ".context_length") && to.context_length == 0) {
        to.context_length = value.number;
    } else if (is_of_architecture(key, ".pooling_type")) {
        to.embeds = makes_one_vector(value.number);
    } else if (key == "clip.has_vision_encoder") {
        to.sees = value.number != 0;
    } else if (key == "clip.has_audio_encoder") {
        to.hears = value.number != 0;
    }
}

// What the places of tensors say. `listed`: each of them is kept, unless they are more than any real model has.
struct tensor_places {
    bool listed = false;
    std::uint64_t furthest = 0;
    double parameters = 0;  // exact as far as any model goes
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
};

// False where the places are cut off.
bool read_tensors(byte_reader& reader, std::uint64_t count, tensor_places& places) {
    places.listed = places.listed && count <= most_listed_tensors;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::string_view name = reader.text();
        places.listed = places.listed && name.size() <= longest_tensor_name;
        const std::uint64_t dimensions = reader.number(4);
        if (dimensions > most_dimensions) {
            return false;
        }
        double elements = 1;
        nlohmann::ordered_json shape = nlohmann::ordered_json::array();
        for (std::uint64_t at = 0; at < dimensions; ++at) {
            const std::uint64_t size = reader.number(8);
            elements *= static_cast<double>(size);
            if (places.listed) {
                shape.push_back(size);
            }
        }
        places.parameters += elements;
        const char* const type = name_in(tensor_types, reader.number(4), "unknown");
        places.furthest = std::max(places.furthest, reader.number(8));
        if (reader.ended()) {
            return false;
        }
        if (places.listed) {
            places.list.push_back({{"name", std::string(name)}, {"type", type}, {"shape", std::move(shape)}});
        }
    }
    return true;
}

}  // namespace

std::optional<gguf_header> parse_gguf(std::string_view head, gguf_detail detail) {
    byte_reader reader(head);
    gguf_header out;
    if (reader.take(4) != "GGUF") {
        return std::nullopt;
    }
    out.version = static_cast<std::uint32_t>(reader.number(4));
    const std::uint64_t tensors = reader.number(8);
    const std::uint64_t pairs = reader.number(8);
    const bool known = out.version == 2 || out.version == 3;
    if (reader.ended() || !known || tensors > most_tensors || pairs > most_pairs) {
        return std::nullopt;
    }
    std::uint64_t alignment = 32;
    std::size_t room_for_lists = detail == gguf_detail::all ? most_listed_bytes : 0;
    for (std::uint64_t i = 0; i < pairs; ++i) {
        const std::string_view key = reader.text();
        const auto value = read_value(reader, room_for_lists);
        if (!value) {
            return reader.ended() ? std::optional(out) : std::nullopt;
        }
        keep(key, *value, out, alignment);
    }
    tensor_places places;
    places.listed = detail == gguf_detail::all;
    if (read_tensors(reader, tensors, places)) {
        out.whole = true;
        constexpr double most_parameters = 1e15;
        if (places.parameters > 0 && places.parameters < most_parameters) {
            out.shown["general.parameter_count"] = static_cast<std::uint64_t>(places.parameters);
        }
        const std::uint64_t data = (reader.at() + alignment - 1) / alignment * alignment;
        const bool sane = places.furthest < (std::uint64_t{1} << 60U);
        out.least_bytes = tensors == 0 || !sane ? 0 : data + places.furthest;
        out.tensors = places.listed ? std::move(places.list) : std::move(out.tensors);
    }
    return out;
}

std::optional<gguf_header> read_gguf(const std::string& file, gguf_detail detail) {
    std::ifstream in(file, std::ios::binary);
    std::string head(gguf_head_bytes, '\0');
    in.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(in.gcount()));
    return parse_gguf(head, detail);
}

std::string parameter_words(std::uint64_t parameters) {
    constexpr std::uint64_t thousand = 1000;
    constexpr std::uint64_t million = thousand * thousand;
    constexpr std::uint64_t billion = thousand * million;
    const auto in = [parameters](std::uint64_t unit) {
        return static_cast<double>(parameters) / static_cast<double>(unit);
    };
    if (parameters >= billion) {
        return fmt::format("{:.{}f}B", in(billion), parameters % billion == 0 ? 0 : 1);
    }
    if (parameters >= million) {
        return fmt::format("{:.{}f}M", in(million), parameters % million == 0 ? 0 : 2);
    }
    return parameters >= thousand ? fmt::format("{:.0f}K", in(thousand)) : std::to_string(parameters);
}

}  // namespace corral::package
