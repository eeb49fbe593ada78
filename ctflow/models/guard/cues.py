"""The words by which a sentence denies, doubts, places and measures. How a phrase is written: `lexicon`."""

from ctflow.models.guard.lexicon import Phrases

# fmt: off
# What speaks of all findings at once, where a clause has none but the words below: no organ, and nothing "acute".
NORMAL: Phrases = ("normal", "unremarkable", "within normal limits")
NOTHING_ABNORMAL: Phrases = (
    "no .. finding*", "no .. abnormal*", "no .. patholog*", "without .. abnormal*", "without .. patholog*",
    "nothing abnormal",
)
EVERYTHING_WORDS: Phrases = (
    "normal", "unremarkable", "within", "limits", "no", "not", "nothing", "without", "finding*", "abnormal*",
    "patholog*", "chest", "thorax", "thoracic", "ct", "computed", "tomography", "study", "examination", "scan",
    "imaging", "image*", "appearance*", "significant*", "relevant", "evidence", "any", "a", "an", "the", "this", "of",
    "in", "on", "for", "as", "entirely", "completely", "there", "is", "are", "was", "were", "seen", "detected",
    "observed", "identified", "found", "noted", "present", "demonstrated", "visible", "all", "and",
)

# Words that deny what follows them, and words that deny what stands before them. Some do both.
DENY_AFTER: Phrases = (
    "no", "not", "without", "w/o", "free of", "free from", "clear of", "negative for", "neg for", "neither", "nor",
    "never",
    "lack of", "lacks", "lacking", "absence of", "absent", "excludes", "excluded", "ruled out", "fails to show",
    "nothing to suggest", "nothing suggesting", "rather than", "instead of", "cannot be seen", "isn t", "aren t",
    "resolution of", "complete regression of", "interval clearing of", "exclusion of", "unaccompanied by", "nowhere",
    "zero", "ø",
    "disappearance of", "clearance of", "no longer",
    "devoid of",
    "none of", "re expansion of .. <collapsed|atelectatic>",
    "resolved", "nil", "fails to demonstrate", "fails to reveal", "failed to show", "fail to show",
    "complete clearing of", "clearing of", "removal of all",
    "<do|does|did|can|could> not <see|find|detect|identify|show|demonstrate|reveal|contain|observe>",
    "cannot <see|find|detect|identify|show|demonstrate|reveal|contain|observe>",
)
_SEEN = (
    "<seen|detected|observed|identified|present|visualised|visualized|visible|evident|demonstrated|found|noted"
    "|appreciated|apparent|shown|depicted|encountered|discernible|detectable|demonstrable|confirmed>"
)
# Those that deny what was there: where it was is told to say which one is gone.
GONE: Phrases = (
    "no longer", "resolved", "disappeared", "cleared", "vanished", "gone", "dissolved", "completely regredient",
    "regressed completely", "completely regressed", "not .. any more", "not .. any longer", "reabsorbed", "resorbed",
    "absorbed", "returned to normal", "normalised", "normalized",
)
DENY_BEFORE: Phrases = (
    f"not <|clearly |definitely |been |be >{_SEEN}", f"<cannot|no longer> be {_SEEN}",
    *GONE,
    "absent", "none", "negative", "neg", "ruled out", "excluded", "nowhere to be seen", "not a feature", "nil",
    "did not show", "lacking", "not developed", "not formed", "is zero", "score zero", "score of zero", "score 0",
    "score of 0", "is missing", "are missing",
)
# Here "normal" denies nothing.
BEYOND_NORMAL: Phrases = ("than normal", "above normal", "beyond normal", "exceeds normal", "over normal")
# Here it denies what is named behind it, and nothing else.
CLEAR_OF_SOMETHING: Phrases = (
    "<clear|normal|unremarkable> <of|from|without>", "<clear|normal|unremarkable> bilaterally <of|from|without>",
)
# What a clause asserts before one of these is not plain: "the effusion is not typical".
DOUBT_BEFORE: Phrases = (
    "is not", "are not", "was not", "were not", "has not", "have not", "had not", "does not", "do not", "did not",
    "can not", "could not", "cannot",
)
# No denial reaches over one of these: "no pneumothorax after placement of a chest tube".
STOPS: Phrases = (
    "status post", "s/p", "after", "following", "post", "since", "despite", "in spite of", "due to", "because of",
    "secondary to", "which", "with",
)
# Beside a denial these turn what is said, and rules cannot tell which way.
CONTRASTS: Phrases = ("but", "while", "whereas", "although", "though", "however", "only", "yes")
# That something has not gone, or was not there before: it is there.
_THERE_NOW: Phrases = (
    "not resolved", "not yet resolved", "not completely resolved", "not fully resolved", "not cleared",
    "not disappeared", "not gone", "not vanished",
    "<almost|nearly|near|partial*|partly|incomplete*|mostly|largely|virtually> "
    "<|complete |completely |total |totally |fully |entirely >"
    "<resolved|disappeared|cleared|gone|vanished|absorbed|reabsorbed|<resolution|disappearance|clearing|clearance> of>",
    "<no|without|no interval|almost|nearly|near|partial*|incomplete*> re expansion of .. <collapsed|atelectatic>",
    "not seen before", "not present before", "not visible before",
    "not <present|seen|visible> <on|in|at> the <prior*|previous*|last|earlier|comparison|old>",
)
_MUCH = (
    "<|significant |significantly |interval |significant interval |relevant |appreciable |appreciably |substantial "
    "|substantially |evidence of |further |definite |sign of >"
)
# Phrases with such a word in them that deny nothing.
DENY_NOTHING: Phrases = (
    *_THERE_NOW,
    f"<no|without> {_MUCH}<change*|difference*|growth|progression|worsening|improvement|interval enlargement>",
    f"<no|without> {_MUCH}<increase|decrease|reduction> in",
    f"not {_MUCH}<grown|progressed|worsened|improved|increased in|decreased in|changed>", "not .. changed",
    "not .. any change*",
    "were it not for", "high resolution", "low resolution", "not only", "not so", "no doubt", "without contrast",
    "without intravenous", "without iv", "without oral", "not given",
)

# Where one of these stands, it is not clear what the sentence says, and nothing of it is shown.
UNCLEAR: Phrases = (
    "cannot be excluded", "can not be excluded", "not be excluded", "not excluded", "not be ruled out", "not ruled out",
    "cannot exclude", "cannot rule out", "cannot be ruled out", "cannot be .. excluded", "cannot r/o",
    "not .. exclude", "rule out", "r/o", "to exclude", "to be excluded",
    "should be excluded", "must be excluded", "exclude .. possibility", "evaluate for", "evaluation for", "assess for",
    "screening for", "query", "risk of", "risk for", "unlikely", "if", "unless", "cannot be evaluated",
    "limits .. assessment", "assessment for", "assessment of", "assessment .. limited",
    "<ct|chest ct|ct chest|ct thorax|ct scan|ct of the chest> for",
    "not .. evaluated", "not .. assessed", "not .. assessable", "suspected", "is possible", "are possible",
    "may be present", "might be present", "could be present", "should be considered", "must be considered",
    "may belong to", "remains a possibility",
    "assessment for", "referred for", "please correlate", "kindly correlate", "correlate clinically",
    "correlation with", "doubtful", "in question", "equivocal", "uncertain",
    "unclear", "unsure", "whether", "re expanded", "difficult to exclude", "cannot be assessed", "be missed",
    "cannot be .. assessed", "obscured", "marker*",
    "versus", "vs", "differential",
    # what was
    "history of", "h/o", "prior to", "not .. before", "not .. prior", "appeared to be", "follow up",
    "not .. previous*", "not .. earlier", "now on", "now in", "remov*", "taken out", "drained", "drainage of",
    "evacuated", "resected", "resection", "excised", "treated", "healed",
    "repair*", "surgery", "operated", "pleurodesis", "ablation",
)
# What is denied of some leaves others, and says nothing of them.
IN_PART: Phrases = (
    "no new", "no additional", "no other", "no further", "no more", "no solid", "no enlarging", "no growing",
    "no large", "no big", "of significant size", "no sizable", "no sizeable", "no tension", "no loculated",
    "no second", "no calcified nodule*", "not another",
    "no .. <nodul*|mass*|lesion*|effusion*|opaci*> .. <larger than|bigger than|greater than|more than|exceeding|over>",
    "no .. <nodul*|mass*|lesion*|effusion*|opaci*> .. above",
)
# What an earlier examination showed, unless the sentence goes on to say what is now.
PAST: Phrases = (
    "<prior|previous|earlier|last|old|outside> .. <showed|demonstrated|revealed|had>",
    "were previously", "was previously", "had been", "used to",
    "<on|in|at> .. <prior|previous|earlier>",
    "the earlier",
)
NOW: Phrases = (
    "is", "are", "has", "have", "persist*", "remain*", "unchanged", "stable", "again", "now", "still", "today",
    "current*", "increas*", "decreas*", "larger", "smaller", "new", "no longer", "resol*", "disappear*", "cleared",
    "gone", "known from", "as on", "as in", "as at", "as before", "compar*", "regress*", "progress*", "not seen",
    "same",
)
# Where one of these stands, rules cannot tell which way a sentence turns: only a reader that is very sure is believed.
INVOLVED: Phrases = (
    # on its way out, but not gone
    "regress*", "receded", "subsided", "clearing", "not .. resolved", "not .. resolve", "not .. cleared", "unresolved",
    # all but
    "sparing", "spared", "spares", "instead",
)
# What is denied beside one of these is denied of all the rest; what follows it is there.
EXCEPT: Phrases = ("except", "exception of", "other than", "apart from", "aside from", "besides", "otherwise")
# Phrases with such a word in them that are clear after all.
CLEAR: Phrases = (
    *_THERE_NOW,
    "clearing of", "regressed completely", "completely regressed", "complete regression",
    "partial* regress*", "partial regression",
    "suspected .. not confirmed", "questioned .. not confirmed",
    "uncertain <origin|significance|cause|nature|aetiology|etiology|age>",
    "follow up .. <recommended|advised|suggested|indicated|required|needed>",
    "<recommend*|advise*|suggest*> .. follow up", "from follow up", "no follow up",
    "not <|significantly |markedly |appreciably >changed .. <previous*|prior|earlier|before>",
)
# What follows one of these is a guess.
GUESS_AFTER: Phrases = (
    "possible", "possibly", "poss", "probable", "probably", "prob", "presumably", "maybe", "dd",
    "favoured to", "favored to", "concern for", "suspicious for", "suspicion of", "suspicion for", "suspected",
    "suspect", "suggest*", "concerning for", "questionable", "may represent", "may be", "might be", "could be",
    "could represent", "likely", "mimic*", "resembl*",
    "typical for", "typical of", "worrisome for", "indicative of", "representing", "maybe", "perhaps", "most likely",
    "represents", "represent", "reflect*",
)
# Those of them that a reader who is very sure may take for a finding, where the sentence names nothing else.
LIKELY: Phrases = (
    "probable", "probably", "prob", "presumably", "likely", "most likely", "suggest*", "indicative of", "typical for",
    "typical of", "representing", "represents", "represent", "reflect*", "favoured to", "favored to",
)
# "Findings consistent with an effusion" assert it; "an opacity, consistent with ..." guesses at what the opacity is.
OF_WHAT: Phrases = ("consistent with", "compatible with", "in keeping with")
# What follows one of these is a cause, which may be seen or guessed at.
CAUSE_AFTER: Phrases = ("secondary to", "due to", "related to", "because of", "caused by")
# A sentence that begins with one of these, and a colon, tells why or how the patient was examined.
HEADINGS: Phrases = (
    "clinical history", "history", "clinical information", "indication*", "clinical indication*", "technique",
    "comparison", "reason for exam*", "reason for study", "procedure", "protocol", "examination", "exam",
    "clinical question", "clinical data", "clinical details", "referral", "symptoms", "anamnesis",
)

# "left" and "right" that are parts of other names, or the direction of something else.
NOT_A_SIDE: Phrases = (
    "<right|left> <atri*|ventric*|heart|coronary|main coronary|anterior descending|circumflex|cardiac>",
    "<right|left> <subclavian|jugular|internal jugular|brachiocephalic|carotid>",
    "<right|left> <chest wall|chest tube|sided chest tube|axilla*|pectoral|breast|clavicle|scapula|shoulder>",
    "<right|left> <lobe of the <liver|thyroid>|kidney|adrenal|hepatic|renal>",
    "has left", "have left",
    "<shift*|deviat*|displac*|convex*> .. to the <right|left>",
)
# What is said of the part where a finding is strongest: it is no other place, up to the next comma.
EMPHASIS: Phrases = (
    "predominant*", "mainly", "mostly", "most in", "most of", "especially", "particularly", "in particular",
    "most marked", "most prominent*", "most pronounced", "most severe", "more", "more marked", "larger", "largest",
    "greater", "greatest", "worse", "worst", "more prominent*", "more pronounced", "slightly larger", "slightly more",
    "most conspicuous", "most evident", "right greater", "left greater", "right larger", "left larger", "right more",
    "left more", "right worse", "left worse", "right > left", "left > right", "right >", "left >", "maximal",
)
# Words that say that a finding is in both lungs, where no side is named.
WIDESPREAD: Phrases = (
    "lungs", "diffuse*", "widespread", "throughout", "scattered", "disseminated", "multifocal", "hemithoraces",
    "everywhere", "pleural spaces", "pleural cavities", "lung parenchyma", "random*", "miliary", "generalised",
    "generalized",
)

SIZES: dict[str, Phrases] = {
    "small": (
        "small*", "minimal*", "mild*", "minor", "trace", "slight*", "tiny", "little", "subtle", "linear",
        "plate like", "platelike", "subsegmental", "band like", "bandlike", "discoid", "millimetric", "punctate",
        "thin", "micro*", "faint",
    ),
    "moderate": ("moderate*", "medium*", "intermediate*", "segmental"),
    "large": (
        "large*", "massive", "extensive", "severe*", "marked*", "huge", "big", "bulky", "advanced", "pronounced",
        "lobar", "complete", "total", "gross*", "substantial", "diffuse", "tension",
    ),
}

# Words that are read in spite of a slip of the pen: "effuson", "rigth".
SPELLINGS = (
    "effusion", "effusions", "pleural", "pneumothorax", "pneumothoraces", "hydrothorax", "haemothorax", "hemothorax",
    "cardiomegaly", "enlarged", "enlargement", "pericardial", "pericardium", "consolidation", "consolidations",
    "consolidative", "infiltrate", "infiltrates", "infiltration", "infiltrations", "pneumonia", "airspace", "opacity",
    "opacities", "opacification", "ground", "groundglass", "attenuation", "density", "densities", "nodule", "nodules",
    "nodular", "masses", "lesion", "lesions", "granuloma", "metastasis", "metastases", "atelectasis", "atelectases",
    "atelectatic", "collapse", "emphysema", "emphysematous", "bullae", "bullous", "fibrosis", "fibrotic", "sequela",
    "sequelae", "scarring", "honeycombing", "bronchiectasis", "bronchiectases", "bronchiectatic", "bronchi",
    "bronchial", "dilated", "dilatation", "peribronchial", "peribronchovascular", "thickening", "thickened",
    "interlobular", "septal", "mosaic", "hiatal", "hiatus", "hernia", "lymphadenopathy", "lymphadenopathies",
    "adenopathy", "lymph", "mediastinal", "paratracheal", "subcarinal", "calcification", "calcifications", "calcified",
    "coronary", "coronaries", "aortic", "plaque", "plaques", "atheromatous", "atheroma", "catheter", "pacemaker",
    "sternotomy", "endotracheal", "disease", "arterial", "accompanied", "unaccompanied", "appearance", "appearances",
    "vanished", "disappeared", "predominance", "right", "left", "bilateral", "bilaterally", "lower", "upper", "middle",
    "lobe",
    "lobes", "lingula", "apical", "basal", "without", "absent", "evidence", "resolved", "normal", "unremarkable",
)
# Other words that are one slip away from one of those.
OTHER_WORDS = (
    "airspaces", "assent", "atheromas", "catheters", "collapsed", "collapses", "dilate", "dilates", "dilatations",
    "enlarge", "enlarges", "evidenced", "granulomas", "grounds", "hemithorax", "hemithoraces", "hernias", "infiltrated",
    "legion", "legions",
    "lesson", "lessons", "lingual", "misses", "mosaics", "norma", "norman", "pacemakers", "plague", "plagues", "pleura",
    "pleurae", "pneumonias", "pneumonic", "resolve", "resolves", "septa", "septum", "sequel", "sequels", "starring",
)
