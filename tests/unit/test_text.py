"""The analyser of texts: what each construction does, in Chinese and English, and that spans are places of the text as it came."""

import pytest

from streams.experience.text import Tone, default_analyser


def tone(text: str) -> Tone:
    return default_analyser().analyse(text)


def sentiment(text: str) -> float:
    found = tone(text).sentiment
    return 0.0 if found is None else found


def said(text: str) -> list[str]:
    return [text[span.start : span.end] for span in tone(text).spans]


def about(text: str) -> dict[str, tuple[float, str]]:
    return {one.aspect: (one.tone, text[one.start : one.end]) for one in tone(text).aspects}


@pytest.mark.parametrize(
    "text",
    [
        "我很不高兴",
        "这个东西真的不怎么样",
        "房间不干净",
        "不太满意",
        "没有想象中的好",
        "不是很好用",
        "从来没有这么失望过",
        "not good",
        "I am not happy with this phone",
        "It doesn't work well at all",
        "The staff were not very friendly",
        "I have never been so disappointed",
    ],
)
def test_negated_praise_is_blame(text: str) -> None:
    assert tone(text).label == "negative"


@pytest.mark.parametrize(
    "text",
    [
        "一点都不贵",
        "这手机一点也不卡",
        "没有异味",
        "没什么问题",
        "not bad at all",
        "no problems so far",
        "I have no complaints",
        "不难吃",
    ],
)
def test_negated_blame_is_weak_praise(text: str) -> None:
    assert 0.0 < sentiment(text) < 0.9


def test_a_negation_belongs_to_its_word() -> None:
    text = "I am not happy, delivery was not on time"
    assert said(text) == ["not happy", "not on time"]
    assert said("客服态度不太好") == ["不太好"]


def test_degrees_are_in_order() -> None:
    assert sentiment("非常慢") < sentiment("慢") < sentiment("有点慢") < 0.0
    assert sentiment("extremely slow") < sentiment("slow") < sentiment("slightly slow") < 0.0
    assert sentiment("非常好吃") > sentiment("比较好吃") > 0.0


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("质量很好，但是客服态度太差", "negative"),
        ("客服态度差，但是质量非常好", "positive"),
        ("虽然有点贵，但是味道很好", "positive"),
        ("房间很大，不过隔音太差了", "negative"),
        ("The food was good but the service was terrible", "negative"),
        ("The service was slow, but the food was absolutely delicious", "positive"),
        ("Although the room was small, the staff were wonderful", "positive"),
    ],
)
def test_the_later_half_counts(text: str, label: str) -> None:
    assert tone(text).label == label


@pytest.mark.parametrize(
    "text",
    [
        "快递慢吗？",
        "这款手机卡不卡？",
        "请问可以退款吗",
        "质量差不差？",
        "Is the delivery slow?",
        "Do you have problems with the app?",
        "如果快递慢的话我就不买了",
        "If the delivery is late, I would be angry",
        "Had it been late, I would have complained",
        "万一坏了怎么办",
        "In case it is broken, whom do I call?",
    ],
)
def test_questions_and_suppositions_are_no_statement(text: str) -> None:
    assert sentiment(text) > -0.3  # what the packs call negative


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("难道这就是你们的服务？", -1),
        ("你们就是这样对待顾客的吗？", -1),
        ("谁给你们的勇气卖这么贵？", -1),
        ("Do you call this customer service?", -1),
        ("Is this how you treat loyal customers?", -1),
        ("难道这不是全城最好吃的面吗！", 1),
        ("Who doesn't love a free upgrade?", 1),
        ("难道要先预约吗？", 0),
        ("Is breakfast supposed to be included?", 0),
        ("What's the point of the blue cable?", 0),
    ],
)
def test_a_question_that_wants_no_answer_says_it(text: str, sign: int) -> None:
    found = sentiment(text)
    assert (found >= 0.2, found <= -0.15) == (sign > 0, sign < 0)


@pytest.mark.parametrize(
    "text", ["为什么还没发货？", "为什么服务这么差？", "Why is the service so terrible?", "How can you be so rude?"]
)
def test_a_reproach_is_no_question(text: str) -> None:
    assert tone(text).label == "negative"


@pytest.mark.parametrize(
    ("traditional", "simplified"),
    [
        ("服務態度惡劣，東西壞了", "服务态度恶劣，东西坏了"),
        ("質量很好，物流很快", "质量很好，物流很快"),
        ("飛機晚點，沒人管", "飞机晚点，没人管"),
    ],
)
def test_traditional_characters_say_the_same(traditional: str, simplified: str) -> None:
    left, right = tone(traditional), tone(simplified)
    assert left == right
    assert left.spans


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("呵呵,你们的服务可真好", "呵呵，你们的服务可真好"),
        ("不是说好免费吗?结果收了50块!", "不是说好免费吗？结果收了50块！"),
        ("菜还行.服务太差,不会再来.", "菜还行。服务太差，不会再来。"),
    ],
)
def test_punctuation_as_it_is_on_the_keyboard_says_the_same(typed: str, printed: str) -> None:
    assert tone(typed) == tone(printed)


def test_mixed_languages_count_together() -> None:
    assert tone("wifi很慢, staff rude, 再也不来了").label == "negative"
    assert tone("Room很干净，location也perfect").label == "positive"
    assert said("客服very patient，赞")[-1] == "赞"


def test_emoji_speak() -> None:
    assert tone("已收到 👍👍").label == "positive"
    assert tone("收到了 😡").label == "negative"
    assert tone("就这样 :(").label == "negative"


@pytest.mark.parametrize(
    "text",
    [
        "太好了，又晚点了",
        "Great, another delay",
        "Thanks for nothing!",
        "服务真好🙄",
        "呵呵了，这就是你们的五星服务",
        "Oh great, my flight is cancelled again",
        "真棒，又取消了",
    ],
)
def test_sarcasm_is_marked_and_gives_no_sentiment_to_go_by(text: str) -> None:
    assert tone(text).unsure
    assert tone(text).sure is None
    assert tone(text).worst_aspect is None


@pytest.mark.parametrize(
    "text", ["服务真好，房间又干净又大", "Great phone, I love it", "太好了，终于修好了", "The staff did a great job"]
)
def test_plain_praise_is_sure(text: str) -> None:
    assert not tone(text).unsure
    assert tone(text).label == "positive"


def test_aspects_have_their_words() -> None:
    found = about("快递太慢了，但是客服态度很好，味道不错")
    assert found["delivery"] == (found["delivery"][0], "快递太慢")
    assert found["delivery"][0] < 0 < found["service"][0]
    assert "味道不错" in found["food"][1]
    found = about("The room was dirty but the breakfast was delicious")
    assert found["food"][0] > 0 > found["cleanliness"][0]
    assert found["cleanliness"][1] == "dirty"


def test_the_worst_aspect() -> None:
    assert tone("味道不错，配送太慢").worst_aspect == "delivery"
    assert tone("味道不错").worst_aspect is None


@pytest.mark.parametrize(
    "text",
    ["ＶＥＲＹ　ＢＡＤ", "İstanbul hotel was terrible", "👨‍👩‍👧 loved it 😍", "第一行很差\n第二行很好", "it’s awful"],
)
def test_spans_are_places_of_the_text_as_it_came(text: str) -> None:
    found = tone(text)
    assert found.spans
    for span in found.spans:
        assert 0 <= span.start < span.end <= len(text)
        assert text[span.start : span.end].strip()
    assert list(found.spans) == sorted(found.spans)


def test_a_span_behind_signs_of_two_code_units_is_counted_in_code_points() -> None:
    text = "𠮷野家😀服务很差"
    assert said(text)[-1] == "很差"


@pytest.mark.parametrize("text", ["", "   ", "。。。", "12345", "\x00", "😶‍🌫️", "-" * 500])
def test_nothing_to_say(text: str) -> None:
    assert tone(text).label == "neutral" or tone(text).spans


@pytest.mark.parametrize(
    "text", ["很好 " * 30_000, "a" * 100_000, "不" * 50_000, "😡" * 20_000, "(" * 50_000, "don't " * 20_000]
)
def test_long_and_odd_texts_take_bounded_work(text: str) -> None:
    found = tone(text)
    assert len(found.spans) <= 64
    assert found.sentiment is None or -1.0 <= found.sentiment <= 1.0


def test_the_same_text_has_the_same_tone_and_names_its_analyser() -> None:
    assert tone("质量很好") == tone("质量很好")
    assert tone("质量很好").version == default_analyser().version
    assert "rjieba" in default_analyser().version
    assert len(default_analyser().version) <= 64


@pytest.mark.parametrize(
    ("text", "label", "words"),
    [
        ("等了三个小时", "negative", "等了三个小时"),
        ("排隊排了一個鐘頭", "negative", "排隊排了一個鐘頭"),
        ("It took them six weeks", "negative", "took them six weeks"),
        ("一颗星都嫌多", "negative", "一颗星"),
        ("给5星", "positive", "给5星"),
        ("1/10", "negative", "1/10"),
        ("9 out of 10", "positive", "9 out of 10"),
        ("说好三天到，现在一个星期了", "negative", "说好三天到，现在一"),
        ("I expected more from this hotel", "negative", "I expected more"),
        ("服务还有很大的提升空间", "negative", "提升空间"),
        ("异响没了", "positive", "异响没了"),
        ("They replaced the broken one", "positive", "replaced the broken"),
    ],
)
def test_a_turn_of_phrase_says_what_no_word_in_it_does(text: str, label: str, words: str) -> None:
    assert tone(text).label == label
    assert words in said(text)


@pytest.mark.parametrize(
    "text", ["Page 4/12, chapter 9/100", "五星级酒店的大堂在三楼", "等一下再说", "It is a five star hotel"]
)
def test_numbers_are_not_taken_for_marks_or_waiting(text: str) -> None:
    assert tone(text).label == "neutral"


def test_thanks_for_something_bad_are_unsure() -> None:
    for text in ("真是谢谢你们，让我在机场睡了一晚", "Thank you for losing my bag", "恭喜你们成功失去一个老客户"):
        assert tone(text).unsure


def test_no_text_takes_long() -> None:
    """Repeats in turns of phrase are bounded: a text made for them is read as well."""
    for piece in ("说好", "等了一", "waited for over ", "you'd think ", "用了一天就"):
        assert tone(piece * 1000).version


@pytest.mark.parametrize(
    "text",
    [
        "还行吧，中规中矩",
        "一般般吧，没什么特别的",
        "It's okay, nothing special.",
        "Neither good nor bad",
        "请问退款要多久才能到账？",
        "请问early check in要加钱吗",
        "Is there a way to reset my password?",
        "我们订的是大床房，三号入住",
        "新版本在设置里可以换头像",
    ],
)
def test_what_is_middling_asked_or_merely_told_is_neutral(text: str) -> None:
    assert tone(text).label == "neutral"


@pytest.mark.parametrize(
    "text",
    [
        "I cannot recommend it enough!",
        "You won't find a friendlier team",
        "Can't fault anything",
        "挑不出毛病",
        "性价比没得说",
        "用了三年一次都没坏过",
        "又快又好",
    ],
)
def test_praise_in_negated_words_is_praise(text: str) -> None:
    assert tone(text).label == "positive"


@pytest.mark.parametrize(
    "text",
    [
        "I've had better coffee at home",
        "I would have given five stars if the battery lasted longer",
        "如果态度能好一点，我也不会给差评",
        "早知道就不买了",
        "说好两百，提车变成三百五",
        "又小又潮",
        "No water, no announcement, nothing",
    ],
)
def test_blame_without_a_word_of_blame(text: str) -> None:
    assert tone(text).label == "negative"


@pytest.mark.parametrize(
    ("text", "aspect", "sign"),
    [
        ("等了三个小时外卖", "delivery", -1),  # the turn of phrase belongs to what is named
        ("登录不上", "app", -1),
        ("The app keeps crashing", "app", -1),
        ("爱答不理的", "service", -1),
        ("Nobody picks up the phone", "service", -1),
        ("Fits like a glove", "product", 1),
        ("The driver came to the door. Fantastic!", "delivery", 1),  # named without an opinion of its own
    ],
)
def test_aspects_without_their_name_or_without_an_opinion_beside_it(text: str, aspect: str, sign: int) -> None:
    assert about(text)[aspect][0] * sign > 0.2


def test_a_question_that_wants_to_know_lends_no_tone_to_what_it_names() -> None:
    assert "delivery" not in about("请问快递几天到？服务很好")


@pytest.mark.parametrize(
    "text",
    [
        "They lost my order. Classy.",
        "So the “express” delivery took nine days",
        "感谢贵司，让我体验了一把在机场打地铺",
        "Sure, charge me for a bag that you lost",
    ],
)
def test_remarks_and_quotation_marks_that_are_not_meant_are_unsure(text: str) -> None:
    assert tone(text).unsure


@pytest.mark.parametrize(
    "text", ["They fixed it in an hour. Brilliant.", "Great, a free upgrade!", 'He said "thank you"']
)
def test_remarks_after_good_news_are_meant(text: str) -> None:
    assert not tone(text).unsure


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("点的是拿铁，送来的是美式", "negative"),
        ("约的是上午十点，下午三点才来", "negative"),
        ("箱子里少了两个螺丝", "negative"),
        ("改期没有提前通知", "negative"),
        ("刷卡两次", "negative"),
        ("Ordered a king bed, got a sofa", "negative"),
        ("The technician came two days after the appointment", "negative"),
        ("Tracking says delivered, my porch is empty", "negative"),
        ("The parcel was sent to somebody else", "negative"),
        ("第二天就补寄了一套新的", "positive"),
        ("修好以后没再漏过", "positive"),
        ("They upgraded us to a suite", "positive"),
        ("They replaced my charger free of charge", "positive"),
        ("They called me before I even noticed", "positive"),
    ],
)
def test_facts_tell_what_was_due_and_what_came(text: str, label: str) -> None:
    assert tone(text).label == label


@pytest.mark.parametrize("text", ["不是说好不收服务费的吗", "说好不收手续费，结果收了二十"])
def test_a_favour_that_was_only_promised_is_no_praise(text: str) -> None:
    assert tone(text).label != "positive"
