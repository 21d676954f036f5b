#include "corral/package/gguf_header.hpp"

#include <gtest/gtest.h>

#include "package/gguf_bytes.hpp"

namespace corral::package {
namespace {

std::string small_model() {
    tests::gguf_bytes file(2, 6);
    file.pair("general.architecture", "qwen3");
    file.pair("general.name", "Qwen3 4B");
    file.pair("general.size_label", "4B");
    file.pair("general.file_type", std::uint32_t{15});
    file.list("tokenizer.ggml.tokens", {"a", "bc"});
    file.pair("qwen3.context_length", std::uint32_t{40960});
    file.tensor("a", 0);
    file.tensor("b", 4096);
    return file.text();
}

TEST(gguf_header, says_what_the_model_is) {
    const auto header = parse_gguf(small_model());
    ASSERT_TRUE(header);
    EXPECT_EQ(header->version, 3U);
    EXPECT_EQ(header->name, "Qwen3 4B");
    EXPECT_EQ(header->architecture, "qwen3");
    EXPECT_EQ(header->size_label, "4B");
    EXPECT_EQ(header->file_type, "Q4_K_M");
    EXPECT_EQ(header->context_length, 40960U);
    EXPECT_TRUE(header->whole);
    EXPECT_EQ(header->least_bytes, (small_model().size() + 31) / 32 * 32 + 4096);
}

TEST(gguf_header, shows_its_pairs_as_ollama_does) {
    tests::gguf_bytes file(1, 11);
    file.pair("general.architecture", "qwen3");
    file.pair("general.name", "Qwen3 4B");
    file.pair("tokenizer.chat_template", "{{ x }}");
    file.pair("qwen3.block_count", std::uint32_t{36});
    file.raw_pair("qwen3.rope.freq_base", 6, std::string("\0\0\x80\x3f", 4));
    file.raw_pair("qwen3.attention.layer_norm_rms_epsilon", 6, std::string("\xbd\x37\x86\x35", 4));
    file.raw_pair("qwen3.nan", 6, std::string("\xff\xff\xff\x7f", 4));
    file.raw_pair("general.below", 5, std::string("\xff\xff\xff\xff", 4));
    file.raw_pair("tokenizer.ggml.add_bos_token", 7, std::string("\0", 1));
    file.pair("general.long", std::string(5000, 'x'));
    file.list("tokenizer.ggml.tokens", {"a"});
    file.tensor("a", 0);
    EXPECT_EQ(
        parse_gguf(file.text())->shown.dump(),
        R"({"general.architecture":"qwen3","general.below":-1,"general.parameter_count":1024,)"
        R"("qwen3.attention.layer_norm_rms_epsilon":1e-06,"qwen3.block_count":36,"qwen3.nan":null,"qwen3.rope.freq_base":1.0,"tokenizer.ggml.add_bos_token":false,)"
        R"("tokenizer.ggml.tokens":null})");
}

TEST(gguf_header, tells_short_lists_and_tensors_where_asked) {
    tests::gguf_bytes file(2, 4);
    file.list("general.tags", {"chat", "small"});
    file.list("tokenizer.ggml.tokens", std::vector<std::string>(257, "a"));
    file.raw_pair("qwen3.sections", 9, std::string("\4\0\0\0\2\0\0\0\0\0\0\0\x0b\0\0\0\x35\0\0\0", 20));
    file.raw_pair("general.long", 9, std::string("\0\0\0\0\x01\1\0\0\0\0\0\0", 12).append(257, 'x'));
    file.tensor("token_embd.weight", 0);
    file.tensor("output.weight", 4096, 12);
    const auto header = parse_gguf(file.text(), gguf_detail::all);
    ASSERT_TRUE(header && header->whole);
    EXPECT_EQ(header->shown.dump(),
              R"({"general.long":null,"general.parameter_count":2048,"general.tags":["chat","small"],)"
              R"("qwen3.sections":[11,53],"tokenizer.ggml.tokens":null})");
    EXPECT_EQ(header->tensors.dump(), R"([{"name":"token_embd.weight","type":"F32","shape":[32,32]},)"
                                      R"({"name":"output.weight","type":"Q4_K","shape":[32,32]}])");
    const auto usual = parse_gguf(file.text());
    EXPECT_TRUE(usual->tensors.empty());
    EXPECT_TRUE(usual->shown["general.tags"].is_null());
}

TEST(gguf_header, what_no_model_has_is_not_told) {
    const auto told = [](std::size_t tensors, const std::string& name) {
        tests::gguf_bytes file(tensors, 0);
        for (std::size_t i = 0; i < tensors; ++i) {
            file.tensor(name, 0, 77);
        }
        const auto header = parse_gguf(file.text(), gguf_detail::all);
        EXPECT_TRUE(header && header->whole);
        return header->tensors;
    };
    EXPECT_EQ(told(4096, "a").size(), 4096U);
    EXPECT_EQ(told(1, "a")[0]["type"], "unknown");
    EXPECT_TRUE(told(4097, "a").empty());
    EXPECT_EQ(told(2, std::string(64, 'a')).size(), 2U);
    EXPECT_TRUE(told(2, std::string(65, 'a')).empty());
    tests::gguf_bytes many(0, 300);
    for (int i = 0; i < 300; ++i) {
        many.list("list." + std::to_string(i), {std::string(1000, 'x')});
    }
    const auto header = parse_gguf(many.text(), gguf_detail::all);
    ASSERT_TRUE(header);
    EXPECT_LT(header->shown.dump().size(), 80'000U);
    EXPECT_TRUE(header->shown["list.0"].is_array() && header->shown["list.299"].is_null());
}

TEST(gguf_header, knows_a_model_for_embeddings_by_its_pooling) {
    const std::vector<std::pair<std::uint32_t, bool>> table{{0, false}, {1, true},  {2, true},
                                                            {3, true},  {4, false}, {99, false}};
    for (const auto& [pooling, embeds] : table) {
        tests::gguf_bytes file(0, 2);
        file.pair("general.architecture", "nomic-bert");
        file.pair("nomic-bert.pooling_type", pooling);
        const auto header = parse_gguf(file.text());
        ASSERT_TRUE(header);
        EXPECT_EQ(header->embeds, embeds) << pooling;
    }
    EXPECT_FALSE(parse_gguf(small_model())->embeds);
}

TEST(gguf_header, knows_a_projector_and_what_it_is_for) {
    for (const bool sound : {false, true}) {
        tests::gguf_bytes file(0, 2);
        file.pair("general.architecture", projector_architecture);
        file.raw_pair(sound ? "clip.has_audio_encoder" : "clip.has_vision_encoder", 7, std::string("\1", 1));
        const auto header = parse_gguf(file.text());
        ASSERT_TRUE(header);
        EXPECT_EQ(header->architecture, projector_architecture);
        EXPECT_EQ(header->sees, !sound);
        EXPECT_EQ(header->hears, sound);
    }
}

TEST(gguf_header, cut_anywhere_it_says_less_and_never_more) {
    const std::string all = small_model();
    for (std::size_t length = 0; length < all.size(); ++length) {
        const auto header = parse_gguf(all.substr(0, length), gguf_detail::all);
        EXPECT_TRUE(!header || header->tensors.empty()) << length;
        EXPECT_EQ(header.has_value(), length >= 24) << length;
        EXPECT_FALSE(header && header->whole) << length;
        EXPECT_TRUE(!header || header->name.empty() || header->name == "Qwen3 4B") << length;
    }
}

TEST(gguf_header, absurd_files_are_none) {
    std::string other_magic = small_model();
    other_magic[2] = 'M';
    EXPECT_FALSE(parse_gguf(other_magic));
    std::string version = small_model();
    version[4] = 9;
    EXPECT_FALSE(parse_gguf(version));
    EXPECT_FALSE(parse_gguf(tests::gguf_bytes(1, 1'000'000'000).text()));
    EXPECT_FALSE(parse_gguf(tests::gguf_bytes(1'000'000'000, 1).text()));
    tests::gguf_bytes nested(0, 1);
    nested.raw_pair("x", 9, std::string("\x09\0\0\0\x01\0\0\0\0\0\0\0", 12).append(64, '\0'));
    EXPECT_FALSE(parse_gguf(nested.text())) << "a list of lists";
    tests::gguf_bytes odd(0, 1);
    odd.raw_pair("x", 77, "........");
    EXPECT_FALSE(parse_gguf(odd.text())) << "a type that is none";
    tests::gguf_bytes long_text(0, 1);
    long_text.raw_pair("general.name", 8, std::string(8, '\xFF').append("abc"));
    const auto header = parse_gguf(long_text.text());
    ASSERT_TRUE(header);
    EXPECT_EQ(header->name, "");
}

}  // namespace
}  // namespace corral::package
