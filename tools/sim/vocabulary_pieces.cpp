#include <array>

#include "vocabulary.hpp"

namespace corral::sim {
namespace {

// clang-format off
constexpr auto pieces = std::to_array<std::string_view>({
    " Q", "wen", " the", " of", " and", " to", " in", " is", " that", " it", " for", " was", " on", " are",
    " as", " with", " his", " they", " at", " be", " this", " from", " have", " or", " by", " one", " had",
    " not", " but", " what", " all", " were", " when", " we", " there", " can", " an", " your", " which",
    " their", " said", " if", " do", " will", " each", " about", " how", " up", " out", " them", " then",
    " she", " many", " some", " so", " these", " would", " other", " into", " has", " more", " her", " two",
    " like", " him", " see", " time", " could", " no", " make", " than", " first", " been", " its", " who",
    " now", " people", " my", " made", " over", " did", " down", " only", " way", " find", " use", " may",
    " water", " long", " little", " very", " after", " words", " called", " just", " where", " most",
    " know", " get", " through", " back", " much", " before", " go", " good", " new", " write", " our",
    " me", " man", " too", " any", " day", " same", " right", " look", " think", " also", " around",
    " another", " came", " come", " work", " three", " word", " must", " because", " does", " part",
    " even", " place", " well", " such", " here", " take", " why", " things", " help", " put", " years",
    " different", " away", " again", " off", " went", " old", " number", " great", " tell", " men", " say",
    " small", " every", " found", " still", " between", " name", " should", " home", " big", " give",
    " air", " line", " set", " own", " under", " read", " last", " never", " us", " left", " end", " along",
    " while", " might", " next", " sound", " below", " saw", " something", " thought", " both", " few",
    " those", " always", " looked", " show", " large", " often", " together", " asked", " house", " world",
    " going", " want", " school", " important", " until", " form", " food", " keep", " children", " feet",
    " land", " side", " without", " boy", " once", " animals", " life", " enough", " took", " sometimes",
    " four", " head", " above", " kind", " began", " almost", " live", " page", " got", " earth", " need",
    " far", " hand", " high", " year", " mother", " light", " parts", " country", " father", " let",
    " night", " following", " picture", " being", " study", " second", " eyes", " soon", " times", " story",
    " boys", " since", " white", " days", " ever", " paper", " hard", " near", " sentence", " better",
    " best", " across", " during", " today", " others", " however", " sure", " means", " knew", " it's",
    " try", " told", " young", " miles", " sun", " ways", " thing", " whole", " hear", " example", " heard",
    " several", " change", " answer", " room", " sea", " against", " top", " turned", " learn", " point",
    " city", " play", " toward", " five", " using", " himself", " usually", " money", " seen", " didn't",
    " car", " morning", " given", " Alibaba", " Cloud", " created", " helpful", " assistant",
    " Paris", " France", " weather", " sunny", " clouds", " rain", " wind", " degrees", " temperature",
    " question", " model", " device", " local", " machine", " memory", " data", " code", " function",
    " return", " value", " list", " string", " server", " client", " request", " response", " error",
    " file", " test", " simple", " clear", " short", " step", " steps", " idea", " works", " network",
    " simulated", " simulator", " answers", " token", " tokens", " text", " language", " small-scale",
    " hardware", " board", " chip", " system", " user", " start", " stop", " ready", " nothing",
    " everything", " careful", " quickly", " slowly", " warm", " cold", " garden", " river", " mountain",
    " bird", " birds", " tree", " trees", " lighthouse", " keeper", " storm", " ship", " harbour",
    " evening", " lamp", " bread", " coffee", " tea", " cup", " table", " window", " door", " street",
    " numbers", " sum", " result", " equals", " plus", " minus", " hello", " Hello", " thanks", " please",
    " happy", " glad", " questions", "The", " The", "You", " You", " I", "It", " It", " A", "An", " An",
    "In", " In", "On", " On", "This", " This", "That", " That", "There", " There", "Here", " Here", "They",
    " They", "We", " We", "He", " He", "She", " She", "If", " If", "When", " When", "What", " What", "How",
    " How", "Why", " Why", "Who", " Who", "Where", " Where", "To", " To", "For", " For", "With", " With",
    "And", " And", "But", " But", "So", " So", "Yes", " Yes", "No", " No", "Sure", " Sure", "Hello", "Hi",
    " Hi", "Once", " Once", "Paris", "France", "Let", " Let", "First", " First", "Second", " Second",
    "Then", " Then", "Next", " Next", "Finally", " Finally", "Please", " Please", "Thank", " Thank",
    "Thanks", " Thanks", "My", " My", "Your", " Your", "are", "is", "was", "helpful", " a", "an", "the",
    "Qwen", " wen", "assistant", "system", "user", "tool", " tool", "name", "arguments", " arguments",
    "function", "type", " type", "parameters", " parameters", "description", " description", "properties",
    " properties", "string", "object", " object", "required", " required", "get", "weather", "city",
    "location", " location", "call", " call", "response", "think", "no", "end", "world", "story", "write",
    "answer", "question", "one", "two", "three", "four", "five", "six", " six", "seven", " seven", "eight",
    " eight", "nine", " nine", "ten", " ten", "ing", "ed", "er", "est", "ly", "tion", "ment", "ness",
    "able", "al", "ous", "ful", "ion", "es", "'s", "'t", "'re", "'ll", "'ve", "'m", "ity", "ive", "ent",
    "ant", "ate", "ize", "ish", "th", "sh", "ch", "qu", "re", "un", "de", "dis", "pre", "con", "com", "pro",
    "ex", "ti", "te", "le", "ne", "se", "ve", "ar", "or", "en", "in", "on", "at", "it", "as", "us", "st",
    "nd", "nt", "ng", "ll", "ss", "ee", "oo", "ea", "ou", "ai", "io", "000", "00", "...", "//", "::", "==",
    "->", "()", "{}", "[]", "\"\":", "\",", "\"}}", "  ", "    ", "\": ", "{\"", "\"}", " (", " w",
});

constexpr auto specials = std::to_array<std::pair<std::string_view, int>>({
    {"<|endoftext|>", id_endoftext}, {"<|im_start|>", id_im_start}, {"<|im_end|>", id_im_end},
    {"<|object_ref_start|>", 151646}, {"<|object_ref_end|>", 151647}, {"<|box_start|>", 151648},
    {"<|box_end|>", 151649}, {"<|quad_start|>", 151650}, {"<|quad_end|>", 151651},
    {"<|vision_start|>", 151652}, {"<|vision_end|>", 151653}, {"<|vision_pad|>", 151654},
    {"<|image_pad|>", 151655}, {"<|video_pad|>", 151656}, {"<tool_call>", 151657},
    {"</tool_call>", 151658}, {"<|fim_prefix|>", 151659}, {"<|fim_middle|>", 151660},
    {"<|fim_suffix|>", 151661}, {"<|fim_pad|>", 151662}, {"<|repo_name|>", 151663},
    {"<|file_sep|>", 151664}, {"<tool_response>", 151665}, {"</tool_response>", 151666},
    {"<think>", 151667}, {"</think>", 151668},
});
// clang-format on

}  // namespace

std::span<const std::string_view> common_pieces() {
    return pieces;
}
std::span<const std::pair<std::string_view, int>> special_tokens() {
    return specials;
}

}  // namespace corral::sim
