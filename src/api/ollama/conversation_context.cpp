#include "api/ollama/conversation_context.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/core/utf8.hpp"

namespace corral::api::ollama {

namespace {

// The first integer, "CL" and the version; then the number of bytes, two halves of their checksum, the bytes.
constexpr std::uint32_t mark = 0x434C01;
constexpr std::size_t head_size = 4;
constexpr std::uint32_t largest = 0xFFFFFF;
constexpr std::size_t bytes_each = 3;

// FNV-1a; it finds accidents, and an attacker could say the same in /api/chat.
std::uint64_t checksum(std::string_view bytes) {
    std::uint64_t sum = 0xCBF29CE484222325U;
    for (const char c : bytes) {
        sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
    }
    return sum;
}

char letter_of(chat::role role) {
    switch (role) {
        case chat::role::system:
            return 's';
        case chat::role::assistant:
            return 'a';
        case chat::role::tool:
        case chat::role::user:
            break;
    }
    return 'u';
}

std::optional<chat::role> role_of(char letter) {
    switch (letter) {
        case 's':
            return chat::role::system;
        case 'a':
            return chat::role::assistant;
        case 'u':
            return chat::role::user;
        default:
            return std::nullopt;
    }
}

// Seven bits a byte, the lowest first, the top bit for more.
void append_length(std::string& to, std::size_t length) {
    while (length >= 0x80) {
        to += static_cast<char>(0x80 | (length & 0x7F));
        length >>= 7;
    }
    to += static_cast<char>(length);
}

std::optional<std::size_t> take_length(std::string_view& from) {
    std::size_t out = 0;
    for (unsigned shift = 0; shift < 28 && !from.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(from.front());
        from.remove_prefix(1);
        out |= static_cast<std::size_t>(byte & 0x7F) << shift;
        if (byte < 0x80) {
            return out;
        }
    }
    return std::nullopt;
}

bool is_text(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t length = core::character_length(bytes);
        if (length == 0) {
            return false;
        }
        bytes.remove_prefix(length);
    }
    return true;
}

// Leaves out the oldest turns, an assistant's with the user's before it, until the texts fit.
void shorten(std::vector<chat::message>& conversation) {
    std::size_t bytes = 0;
    for (const chat::message& each : conversation) {
        bytes += each.content.size();
    }
    const auto is_turn = [](const chat::message& each) { return each.from != chat::role::system; };
    const auto is_user = [](const chat::message& each) { return each.from == chat::role::user; };
    while (bytes > max_context_bytes) {
        const auto first = std::ranges::find_if(conversation, is_turn);
        if (first == conversation.end()) {
            conversation.clear();
            return;
        }
        const auto next = std::find_if(first + 1, conversation.end(), is_user);
        if (next == conversation.end()) {
            conversation.clear();
            return;
        }
        for (auto each = first; each != next; ++each) {
            bytes -= each->content.size();
        }
        conversation.erase(first, next);
    }
}

std::optional<std::vector<chat::message>> messages_of(std::string_view bytes) {
    std::vector<chat::message> out;
    while (!bytes.empty()) {
        const auto from = role_of(bytes.front());
        bytes.remove_prefix(1);
        const auto length = take_length(bytes);
        if (!from || !length || *length > bytes.size() || !is_text(bytes.substr(0, *length))) {
            return std::nullopt;
        }
        chat::message each;
        each.from = *from;
        each.content = std::string(bytes.substr(0, *length));
        bytes.remove_prefix(*length);
        out.push_back(std::move(each));
    }
    return out;
}

// The packed bytes, padding included.
std::string unpack(const std::vector<std::uint32_t>& context) {
    std::string out;
    out.reserve((context.size() - head_size) * bytes_each);
    for (std::size_t i = head_size; i < context.size(); ++i) {
        for (const unsigned shift : {16U, 8U, 0U}) {
            out += static_cast<char>((context[i] >> shift) & 0xFF);
        }
    }
    return out;
}

}  // namespace

std::vector<std::uint32_t> encode_context(std::vector<chat::message> conversation) {
    shorten(conversation);
    if (conversation.empty()) {
        return {};
    }
    std::string bytes;
    for (const chat::message& each : conversation) {
        bytes += letter_of(each.from);
        append_length(bytes, each.content.size());
        bytes += each.content;
    }
    const std::uint64_t sum = checksum(bytes);
    std::vector<std::uint32_t> out{mark, static_cast<std::uint32_t>(bytes.size()),
                                   static_cast<std::uint32_t>((sum >> 24) & largest),
                                   static_cast<std::uint32_t>(sum & largest)};
    bytes.resize((bytes.size() + bytes_each - 1) / bytes_each * bytes_each, '\0');
    out.reserve(head_size + bytes.size() / bytes_each);
    for (std::size_t i = 0; i < bytes.size(); i += bytes_each) {
        const auto byte = [&](std::size_t at) {
            return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at]));
        };
        out.push_back(byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2));
    }
    return out;
}

std::optional<std::vector<chat::message>> decode_context(const std::vector<std::uint32_t>& context) {
    if (context.size() <= head_size || context[0] != mark) {
        return std::nullopt;
    }
    std::string bytes = unpack(context);
    if (context[1] > bytes.size() || bytes.size() - context[1] >= bytes_each) {
        return std::nullopt;
    }
    bytes.resize(context[1]);
    const std::uint64_t sum = checksum(bytes);
    if (context[2] != ((sum >> 24) & largest) || context[3] != (sum & largest)) {
        return std::nullopt;
    }
    return messages_of(bytes);
}

std::vector<chat::message> read_context(const json_fields& fields) {
    const auto* context = fields.array("context", "[]int");
    if (context == nullptr || context->empty()) {
        return {};
    }
    std::vector<std::uint32_t> numbers;
    numbers.reserve(context->size());
    for (const auto& each : *context) {
        if (!each.is_number_integer()) {
            fields.wrong_type("context", each, "int");
            return {};
        }
        const auto number = each.get<std::int64_t>();
        numbers.push_back(number < 0 || number > largest ? largest + 1 : static_cast<std::uint32_t>(number));
    }
    auto conversation = decode_context(numbers);
    if (!conversation) {
        fields.problem().set(core::say("request.foreign-context"));
        return {};
    }
    return std::move(*conversation);
}

}  // namespace corral::api::ollama
