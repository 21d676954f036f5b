#include <malloc.h>

#include <gtest/gtest.h>
#include <zstd.h>

#include "api/json/zstd_body.hpp"

#include "api/json/json_fields.hpp"
#include "api/json/json_input.hpp"
#include "api/json/json_writer.hpp"

#ifdef CORRAL_SANITIZED
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // its header is not in every installation
#endif

namespace corral::api {
namespace {

std::string written(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

TEST(json_writer, escapes_strings_as_go_does) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"plain", R"("plain")"},
        {"a<b>&c", R"("a\u003cb\u003e\u0026c")"},
        {"\"\\/", R"("\"\\/")"},
        {"\n\r\t\b\f", R"("\n\r\t\b\f")"},
        {std::string("\0\x1f", 2), R"("\u0000\u001f")"},
        {"\x7f", "\"\x7f\""},
        {"\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80", "\"\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80\""},
        {"a\xE2\x80\xA8g\xE2\x80\xA9k\xC2\x85z", R"("a\u2028g\u2029k\u0085z")"},
        {"a\xFFg", R"("a\ufffdg")"},
        {"\xC3", R"("\ufffd")"},
        {"\xED\xA0\x80", R"("\ufffd\ufffd\ufffd")"},
        {"\xC0\xAF", R"("\ufffd\ufffd")"},
    };
    for (const auto& [text, wanted] : rows) {
        EXPECT_EQ(written(text), wanted);
    }
}

TEST(json_writer, writes_floats_in_the_shortest_form) {
    const std::vector<std::pair<double, std::string>> rows{
        {0, "0"},
        {0.1, "0.1"},
        {1, "1"},
        {-2.5, "-2.5"},
        {1e20, "100000000000000000000"},
        {1e21, "1e+21"},
        {1e-6, "0.000001"},
        {1e-7, "1e-7"},
        {1.5e-10, "1.5e-10"},
        {3.14159, "3.14159"},
    };
    for (const auto& [value, wanted] : rows) {
        std::string out;
        append_json_number(out, value);
        EXPECT_EQ(out, wanted);
    }
}

TEST(json_writer, writes_short_floats_without_the_digits_of_a_double) {
    json_writer json;
    json.begin_array().real(0.1F).real(-0.0123F).real(1e-7F).real(1.0F).end_array();
    EXPECT_EQ(json.take(), "[0.1,-0.0123,1e-7,1]");
}

TEST(json_writer, puts_commas_only_between) {
    json_writer json;
    json.begin_object()
        .member("a", "x")
        .key("b")
        .begin_array()
        .number(1)
        .boolean(true)
        .begin_object()
        .end_object();
    json.end_array()
        .key("c")
        .tree(nlohmann::ordered_json::parse(R"({"z":[],"a":null,"n":-3,"f":0.5})"))
        .end_object();
    EXPECT_EQ(json.take(), R"({"a":"x","b":[1,true,{}],"c":{"z":[],"a":null,"n":-3,"f":0.5}})");
}

TEST(json_input, accepts_what_go_accepts) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {R"({"a":1})", R"({"a":1})"},
        {" \n\t[1, 2 ,3] ", "[1,2,3]"},
        {R"({"a":1} trailing garbage)", R"({"a":1})"},
        {R"({"a":1,"a":2})", R"({"a":2})"},
        {"null", "null"},
        {R"("\u00e9\n\/")", "\"\xC3\xA9\\n/\""},
        {R"("\ud83d\ude00")", "\"\xF0\x9F\x98\x80\""},
        {R"("\ud800x")", "\"\xEF\xBF\xBDx\""},
        {R"("\udc00")", "\"\xEF\xBF\xBD\""},
        {R"("\ud800\u0041")",
         "\"\xEF\xBF\xBD"
         "A\""},
        {"\"a\xFFz\"", "\"a\xEF\xBF\xBDz\""},
        {"[-0, 0.5, 1e3, -1.5E-2]", "[0,0.5,1000.0,-0.015]"},
        {"{}", "{}"},
        {"[]", "[]"},
    };
    for (const auto& [text, wanted] : rows) {
        const auto tree = read_json(text);
        ASSERT_TRUE(tree) << text << ": " << tree.error().message;
        EXPECT_EQ(tree->dump(), nlohmann::ordered_json::parse(wanted).dump()) << text;
    }
}

TEST(json_input, refuses_in_the_words_of_go) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"", "missing request body"},
        {" \n", "missing request body"},
        {"x", "invalid character 'x' looking for beginning of value"},
        {"{", "unexpected EOF"},
        {R"({"a")", "unexpected EOF"},
        {R"({"a":)", "unexpected EOF"},
        {R"({"a":1)", "unexpected EOF"},
        {R"(["a)", "unexpected EOF"},
        {R"("\u00)", "unexpected EOF"},
        {"{1:2}", "invalid character '1' looking for beginning of object key string"},
        {R"({"a" 1})", "invalid character '1' after object key"},
        {R"({"a":1 "b"})", "invalid character '\"' after object key:value pair"},
        {R"({"a":1,})", "invalid character '}' looking for beginning of object key string"},
        {"[1 2]", "invalid character '2' after array element"},
        {"[1,]", "invalid character ']' looking for beginning of value"},
        {"\xC3\xBC", "invalid character '\xC3\x83' looking for beginning of value"},
        {"\x85", "invalid character '\\u0085' looking for beginning of value"},
        {"\x01", "invalid character '\\x01' looking for beginning of value"},
        {"trux", "invalid character 'x' in literal true (expecting 'e')"},
        {"[nul]", "invalid character ']' in literal null (expecting 'l')"},
        {"-x", "invalid character 'x' in numeric literal"},
        {"1.x", "invalid character 'x' after decimal point in numeric literal"},
        {"1ex", "invalid character 'x' in exponent of numeric literal"},
        {"[01]", "invalid character '1' after array element"},
        {"\"a\nb\"", "invalid character '\\n' in string literal"},
        {R"("\q")", "invalid character 'q' in string escape code"},
        {R"("\u00zz")", "invalid character 'z' in \\u hexadecimal character escape"},
        {"'a'", "invalid character '\\'' looking for beginning of value"},
        {"1e999", "json: a number in the request is out of range"},
    };
    for (const auto& [text, wanted] : rows) {
        const auto tree = read_json(text);
        ASSERT_FALSE(tree) << text;
        EXPECT_EQ(tree.error().message, wanted) << text;
    }
}

TEST(json_input, bounds_depth_values_and_members_before_a_tree_exists) {
    const std::string deep(200'000, '[');
    EXPECT_EQ(read_json(deep).error().code, core::errc::limit_exceeded);
    EXPECT_TRUE(read_json(std::string(100, '[') + std::string(100, ']')));
    EXPECT_FALSE(read_json(std::string(101, '[') + std::string(101, ']')));
    std::string wide = "[0";
    for (int i = 0; i < 600'000; ++i) {
        wide += ",0";
    }
    EXPECT_EQ(read_json(wide + "]").error().code, core::errc::limit_exceeded);
    std::string members = "{";
    for (int i = 0; i < 3'000; ++i) {
        members += "\"k" + std::to_string(i) + "\":0,";
    }
    EXPECT_EQ(read_json(members + "\"z\":0}").error().code, core::errc::limit_exceeded);
}

// As Go's decoder takes it: what nobody reads may be 10,000 deep; what is read is refused by its name.
TEST(json_input, a_field_that_nobody_reads_may_be_as_deep_as_in_go) {
    const auto nested = [](std::size_t levels) {
        return "{\"model\":\"m\",\"\\u0078\":" + std::string(levels, '[') + std::string(levels, ']') +
               ",\"messages\":[1]}";
    };
    const auto tree = read_json(nested(9'999), request_limits());
    ASSERT_TRUE(tree) << tree.error().message;
    decode_problem problem;
    const json_fields fields(*tree, "ChatRequest", problem);
    EXPECT_EQ(fields.text("model"), "m");
    EXPECT_NE(fields.array("messages", "[]api.Message"), nullptr);
    EXPECT_FALSE(problem.found());
    EXPECT_EQ(fields.find("X"), nullptr) << "in any case";
    EXPECT_EQ(problem.message, "'X' of the request is nested deeper than 100 levels");
    EXPECT_EQ(read_json(nested(10'000), request_limits()).error().message,
              "invalid character '[' exceeded max depth");
    EXPECT_FALSE(read_json(nested(100))) << "only where it is wanted";
    EXPECT_FALSE(read_json("[" + nested(100) + "]", request_limits()));
    EXPECT_FALSE(read_json("{\"x\":" + std::string(200, '[') + "}", request_limits()));
    const auto last =
        read_json("{\"x\":" + std::string(200, '[') + std::string(200, ']') + ",\"x\":7}", request_limits());
    ASSERT_TRUE(last);
    EXPECT_EQ(last->at("x"), 7);
}

// Every prefix and every single broken byte of a good document gives an answer, and never a crash.
TEST(json_input, survives_every_cut_and_every_broken_byte) {
    const std::string good = R"({"model":"m","a":[1,-2.5e3,true,null,"\u00e9\ud83d\ude00"],"o":{"k":"v"}})";
    for (std::size_t cut = 0; cut < good.size(); ++cut) {
        EXPECT_FALSE(read_json(good.substr(0, cut))) << cut;
        for (const char broken : {'\0', '"', '}', '\\', '\xFF', '9'}) {
            std::string bad = good;
            bad[cut] = broken;
            const auto tree = read_json(bad);
            EXPECT_TRUE(tree || !tree.error().message.empty());
        }
    }
}

TEST(json_fields, prefers_the_exact_key_and_takes_null_for_absent) {
    const auto tree =
        nlohmann::ordered_json::parse(R"({"MODEL":"upper","model":"exact","Stream":false,"think":null})");
    decode_problem problem;
    const json_fields fields(tree, "ChatRequest", problem);
    EXPECT_EQ(fields.text("model"), "exact");
    EXPECT_EQ(fields.boolean("stream"), false);
    EXPECT_EQ(fields.find("think"), nullptr);
    EXPECT_FALSE(problem.found());
}

TEST(json_fields, keeps_the_first_problem) {
    const auto tree = nlohmann::ordered_json::parse(R"({"model":3,"stream":"x"})");
    decode_problem problem;
    const json_fields fields(tree, "ChatRequest", problem);
    EXPECT_EQ(fields.text("model"), std::nullopt);
    EXPECT_EQ(fields.boolean("stream"), std::nullopt);
    EXPECT_EQ(problem.message,
              "json: cannot unmarshal number into Go struct field ChatRequest.model of type string");
}

std::string repeated(const std::string& what, std::size_t count, const std::string& key) {
    std::string out = "{\"" + key + "\":[";
    for (std::size_t i = 0; i < count; ++i) {
        out += (i == 0 ? "" : ",") + what;
    }
    return out + "]}";
}

core::error_code refusal_of(const std::string& body) {
    const auto read = read_json(body, request_limits());
    return read ? core::error_code{} : read.error().code;
}

// The fields of which one request could make gigabytes, each a little below and a little above what it may hold.
TEST(request_limits, bound_each_field_before_anything_is_made_of_it) {
    for (const auto& [key, most] : std::vector<std::pair<std::string, std::size_t>>{{"stop", 256},
                                                                                    {"stop_sequences", 256},
                                                                                    {"tools", 1024},
                                                                                    {"images", 256},
                                                                                    {"tool_calls", 1024}}) {
        EXPECT_FALSE(refusal_of(repeated("\"a\"", most, key))) << key;
        EXPECT_EQ(refusal_of(repeated("\"a\"", most + 1, key)), core::errc::limit_exceeded) << key;
        const std::string inside = R"({"options":)" + repeated("1", most + 1, key) + "}";
        EXPECT_EQ(refusal_of(inside), core::errc::limit_exceeded) << key;
    }
    const std::string reason = read_json(repeated("\"a\"", 98'000, "stop"), request_limits()).error().message;
    EXPECT_NE(reason.find("'stop'"), std::string::npos) << reason;
    EXPECT_NE(reason.find("256"), std::string::npos) << reason;
}

TEST(request_limits, know_a_field_however_its_name_is_written) {
    for (const char* key : {"STOP", "Stop", "\\u0073top", "s\\u0074o\\u0070", "\\u0053TOP"}) {
        EXPECT_EQ(refusal_of(repeated("1", 300, key)), core::errc::limit_exceeded) << key;
    }
    for (const char* key : {"stops", "sto", "context"}) {
        EXPECT_FALSE(refusal_of(repeated("1", 300, key))) << key;
    }
    EXPECT_FALSE(refusal_of(R"({"stop":"x","a":)" + repeated("1", 300, "b") + "}"));
    EXPECT_FALSE(refusal_of("[{\"stop\":1}," + repeated("1", 300, "b") + "]"));
}

TEST(request_limits, bound_what_goes_into_a_prompt_at_any_depth) {
    std::string many = R"({"x":[)";
    for (int i = 0; i < 300; ++i) {
        many += i == 0 ? "1" : ",1";
    }
    many += "]}";
    EXPECT_FALSE(refusal_of(repeated(many, 60, "tools")));
    EXPECT_EQ(refusal_of(repeated(many, 70, "tools")), core::errc::limit_exceeded);
}

class counting_memory final : public http::memory_charge {
public:
    explicit counting_memory(std::size_t room) : room_(room) {}
    bool take(std::size_t bytes) override {
        asked = bytes;
        return bytes <= room_;
    }
    void give_back(std::size_t) override {}
    std::size_t asked = 0;

private:
    std::size_t room_;
};

// What the allocator has given away.
std::size_t given() {
#ifdef CORRAL_SANITIZED
    return __sanitizer_get_current_allocated_bytes();
#else
    return ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
#endif
}

// What is charged is at least what the allocator gives, whatever the shape, and not many times as much.
TEST(read_json, asks_for_the_memory_of_a_tree_before_it_makes_one) {
    const std::vector<std::string> shapes{"\"ab\"",
                                          "12345",
                                          "[]",
                                          "{}",
                                          R"({"a":1})",
                                          "[1]",
                                          "[[[[[[]]]]]]",
                                          R"("0123456789012345678901234567890123456789")",
                                          R"({"role":"user","content":"hi there"})",
                                          R"({"one key of some length":{"b":[true,null]}})"};
    for (const std::string& shape : shapes) {
        const std::string body = repeated(shape, 10'000, "a");
        counting_memory none(0);
        EXPECT_EQ(read_json(body, {}, &none).error().code, core::errc::unavailable) << shape;
        counting_memory memory(SIZE_MAX);
        const std::size_t before = given();
        const auto tree = read_json(body, {}, &memory);
        const std::size_t made = given() - before;
        ASSERT_TRUE(tree) << shape;
        EXPECT_GE(memory.asked, made) << shape;
        EXPECT_LE(memory.asked, 4 * made) << shape;
    }
}

class counted_memory final : public http::memory_charge {
public:
    bool take(std::size_t bytes) override {
        taken += bytes;
        return taken <= 4 * 1024 * 1024;
    }
    void give_back(std::size_t bytes) override { taken -= bytes; }
    std::size_t taken = 0;
};

std::string packed_by_zstd(const std::string& text, bool says_its_size) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    ZSTD_CCtx* const with = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(with, ZSTD_c_contentSizeFlag, says_its_size ? 1 : 0);
    out.resize(ZSTD_compress2(with, out.data(), out.size(), text.data(), text.size()));
    ZSTD_freeCCtx(with);
    return out;
}

TEST(zstd_body, is_unpacked_within_its_bounds) {
    constexpr std::size_t most = 2 * 1024 * 1024;
    for (const bool says : {true, false}) {
        for (const std::size_t size : {std::size_t{0}, std::size_t{1000}, std::size_t{700'000}, most}) {
            const std::string text(size, 'x');
            counted_memory memory;
            const auto got = unpack_zstd(packed_by_zstd(text, says), most, &memory);
            ASSERT_TRUE(got) << got.error().message;
            EXPECT_EQ(*got, text);
            EXPECT_GE(memory.taken, size);
            EXPECT_LE(memory.taken, most);
        }
        const auto bomb = unpack_zstd(packed_by_zstd(std::string(most + 1, 'x'), says), most, nullptr);
        ASSERT_FALSE(bomb);
        EXPECT_EQ(bomb.error().code, core::errc::limit_exceeded);
        counted_memory little;
        little.taken = 4 * 1024 * 1024;
        EXPECT_EQ(unpack_zstd(packed_by_zstd("{}", says), most, &little).error().code,
                  core::errc::unavailable);
    }
    const std::string whole = packed_by_zstd(std::string(1000, 'y'), true);
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
        const auto got = unpack_zstd(whole.substr(0, cut), most, nullptr);
        EXPECT_TRUE(!got || got->empty()) << cut;
    }
}

}  // namespace
}  // namespace corral::api
