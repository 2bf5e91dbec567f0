"""Surnames: how Chinese surnames are written in Latin letters.

Lives here: the hundred and odd most frequent surnames (over 85 % of people) with their pinyin and the spellings of Hong
Kong, Taiwan and overseas that differ from it. Stays out: normal forms of names (`person_names`) and their comparison.
"""

from __future__ import annotations

_WRITTEN = """
王 wang wong ong|李 li lee lei|张 zhang chang cheung teo|刘 liu lau low|陈 chen chan tan chin|杨 yang yeung yong
黄 huang wong hwang ng|赵 zhao chao chiu|吴 wu ng woo|周 zhou chou chow chew|徐 xu hsu tsui chui|孙 sun suen soon
马 ma mah|朱 zhu chu choo|胡 hu woo wu|郭 guo kuo kwok quek|何 he ho hoe|高 gao kao ko ko|林 lin lam lim|罗 luo lo law
郑 zheng cheng cheng tay|梁 liang leung neo|谢 xie hsieh tse chia|宋 song sung soong|唐 tang tong|许 xu hsu hui koh
韩 han hon|冯 feng fung pang|邓 deng teng tang|曹 cao tsao tso|彭 peng pang phang|曾 zeng tseng tsang chan
肖 xiao hsiao siu
田 tian tien tin|董 dong tung tung|袁 yuan yuen|潘 pan poon phua|于 yu yue|蒋 jiang chiang tseung|蔡 cai tsai choi chua
余 yu yue yee|杜 du tu to|叶 ye yeh yip yap|程 cheng ching|苏 su so soh|魏 wei wai ngai|吕 lu lyu lv lui lye
丁 ding ting|任 ren jen yam|沈 shen sum sim|姚 yao yiu|卢 lu lo|姜 jiang chiang keung|崔 cui tsui chui|钟 zhong chung
谭 tan tam|陆 lu luk|汪 wang wong|范 fan|金 jin chin kam|石 shi shih shek|廖 liao liu|贾 jia chia ka|夏 xia hsia ha
韦 wei wai|付 fu|傅 fu foo|方 fang fong|白 bai pai pak|邹 zou tsou chow|孟 meng mang|熊 xiong hsiung hung
秦 qin chin chun
邱 qiu chiu yau khoo|江 jiang chiang kong|尹 yin wan|薛 xue hsueh sit|闫 yan yen|阎 yan yen|段 duan tuan|雷 lei lui
侯 hou how|龙 long lung|史 shi shih|陶 tao to|黎 li lai|贺 he ho|顾 gu ku koo|毛 mao mo|郝 hao|龚 gong kung
邵 shao siu|万 wan man|钱 qian chien chin|严 yan yen yim|覃 qin tan|武 wu mo|戴 dai tai|莫 mo mok|孔 kong kung hung
向 xiang hsiang|汤 tang tong|常 chang sheung|温 wen wan|康 kang hong|施 shi shih sze|文 wen man|牛 niu|樊 fan
葛 ge ko|邢 xing hsing|安 an on|齐 qi chi|易 yi yik|乔 qiao chiao|伍 wu ng|庞 pang|颜 yan yen ngan|倪 ni ngai
庄 zhuang chuang chong|聂 nie nieh|章 zhang chang cheung|鲁 lu lo|岳 yue yueh|翟 zhai chai|殷 yin yan|詹 zhan chan
申 shen sun|欧 ou au|耿 geng keng|关 guan kwan kuan|兰 lan|焦 jiao chiao|俞 yu|左 zuo tso|柳 liu lau|甘 gan kan
祝 zhu chuk|包 bao pao|宁 ning|尚 shang|符 fu foo|舒 shu|阮 ruan juan yuen|柯 ke ko or|纪 ji chi|梅 mei mui|童 tong tung
凌 ling|毕 bi pi but|单 shan|裴 pei pui|霍 huo fok|成 cheng shing|苗 miao miu|谷 gu ku|盛 sheng shing|曲 qu chu
欧阳 ouyang auyeung|司马 sima szema|诸葛 zhuge|上官 shangguan|司徒 situ szeto|东方 dongfang|皇甫 huangfu|令狐 linghu
"""


def _read(text: str) -> dict[str, frozenset[str]]:
    entries = (entry.split() for line in text.strip().splitlines() for entry in line.split("|"))
    return {surname: frozenset(spellings) for surname, *spellings in entries}


LATIN_SURNAMES = _read(_WRITTEN)
"""Latin spellings of each surname, in simplified characters."""


def latin_surname(name: str) -> frozenset[str] | None:
    """The Latin spellings of the surname that a Chinese name (simplified) begins with; None when it is not listed."""
    return LATIN_SURNAMES.get(name[:2]) or LATIN_SURNAMES.get(name[:1])
