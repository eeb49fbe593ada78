"""The words that the guard of the reader knows. To teach it another wording, add a line to a list.

How a phrase is written: in lower case, with a space for a hyphen. `*` is the rest of a word, or nothing: `effusion*` is
also "effusions". ` .. ` is up to ten words that are not named: `heart .. enlarged` is also "the heart is mildly
enlarged". `[1-9]` is a number below ten: `[1-9] mm` is also "6.5 mm". `<no|without> effusion` is both phrases, and
`<|small >effusion` is "effusion" and "small effusion".
"""

from dataclasses import dataclass

Phrases = tuple[str, ...]


@dataclass(frozen=True)
class Wording:
    """The words for one finding.

    `names`: what a radiologist accepts as naming it; `kinds`: names of some kinds of it, whose denial leaves others
    ("no bullae" does not deny emphysema); `denials`: phrases that deny it without naming it, such as a
    normal organ; `not_it`: phrases that hold a name but mean something else; `not_near`: words beside which a name
    means something in another organ; `parts`: places whose denial leaves others, unless
    the `main_part` is denied with them; `has_place`: whether a report says in which lung or lobe it is.
    """

    names: Phrases
    kinds: Phrases = ()
    denials: Phrases = ()
    not_it: Phrases = ()
    not_near: Phrases = ()
    parts: Phrases = ()
    main_part: Phrases = ()
    has_place: bool = False


# fmt: off
_ABDOMEN: Phrases = (
    "abdom*", "intraabdom*", "periton*", "intraperiton*", "retroperiton*", "subdiaphragm*", "subphrenic*",
)
_IN_ABDOMEN = f"<{'|'.join(_ABDOMEN)}>"
# Where a mass, a node or a calcification is none of the findings.
OTHER_ORGANS: Phrases = (
    "thyroid*", "goit*", "adrenal*", "liver", "hepat*", "splen*", "spleen", "kidney*", "renal", "pancrea*",
    "gallbladder", "gall bladder", "biliary", "breast*", "mammar*", "bone*", "osseous", "skelet*", "vertebra*",
    "spine", "spinal", "rib", "ribs", "sternum", "clavicle*", "scapula*", "skin", "subcutaneous", "soft tissues",
    "soft tissue* .. <chest wall|axill*|pectoral*|mediastin*|back>",
    "<chest wall|axill*|pectoral*|mediastin*> soft tissue*",
    *_ABDOMEN, "ascites", "bowel", "colon*", "prostat*", "ovar*", "uter*", "brain", "joint*", "shoulder*", "neck",
    "trachea*", "oesophag*", "esophag*", "thymus", "thymic", "parotid", "muscle*", "stomach",
)
# Where free air is no pneumothorax.
_OUTSIDE_PLEURA = f"<{'|'.join(_ABDOMEN)}|diaphragm*|infradiaphragm*|mediastin*>"
_CLEAR_LUNGS: Phrases = (
    "lung* .. clear", "clear lung*", "lung parenchyma .. clear", "lung* .. normal", "normal lungs",
    "normal lung parenchyma",
    "lung* .. unremarkable", "lung fields .. clear",
)

FINDINGS: dict[str, Wording] = {
    "Pleural effusion": Wording(
        has_place=True,
        names=(
            "effusion*", "pleural .. fluid", "fluid .. pleura*", "fluid .. hemithora*", "pleural .. collection*",
            "fluid .. on the right", "fluid .. on the left", "pleural cavit* .. fluid",
            "pleural or pericardial effusion*", "pleural and pericardial effusion*", "costophrenic .. fluid",
            "eff", "effs", "pleff", "pl eff", "hemithora* .. fluid", "fluid .. costophrenic",
        ),
        kinds=(
            "hydrothora*", "haemothora*", "hemothora*", "hydropneumothora*", "haemopneumothora*", "hemopneumothora*",
            "empyema*", "chylothora*", "pyothora*", "fluid .. <fissure|fissures>", "<fissural|intrafissural> fluid",
        ),
        denials=(
            "pleural space* .. clear", "pleural cavit* .. clear", "clear pleural space*", "pleura* .. unremarkable",
            "pleural space* .. normal", "pleural space* .. unremarkable", "costophrenic .. clear",
            "costophrenic .. sharp", "costophrenic .. open", "pleural space* .. dry",
        ),
        not_it=(
            "pericardial effusion*", "pericardial eff", "pericardial fluid", "joint effusion*",
            "effusion* .. pericard*",
            "fluid .. pericard*", "fluid .. around the heart", "fluid .. surrounds the heart",
            "pericardi* thick* .. effusion*", "pericardium .. effusion*", "fluid .. stomach",
            "fluid .. oesophag*", "fluid .. esophag*", "fluid overload .. pleura*",
            f"fluid .. {_IN_ABDOMEN}", f"fluid .. {_IN_ABDOMEN} .. on the <right|left>",
            f"{_IN_ABDOMEN} .. fluid .. on the <right|left>",
        ),
        not_near=("joint*", "knee*", "hip", "hips", "shoulder*", "subdural", "scrotal"),
    ),
    "Pneumothorax": Wording(
        has_place=True,
        names=(
            "pneumothora*", "ptx", "pnx", "free air", "pleural air", "air .. pleural space*", "air .. pleural cavit*",
            "air .. hemithora*", "intrapleural air", "pleural space* .. air", "pleural cavit* .. air",
        ),
        kinds=(
            "hydropneumothora*", "haemopneumothora*", "hemopneumothora*",
        ),
        not_it=(
            f"free air .. {_OUTSIDE_PLEURA}", f"{_OUTSIDE_PLEURA} .. free air",
            "air .. oesophag*", "air space*",
        ),
    ),
    "Cardiomegaly": Wording(
        names=(
            "cardiomegal*", "megalocardia", "heart .. enlarged", "heart .. enlargement", "heart large",
            "heart is .. large",
            "heart .. larger than normal", "heart .. bigger than normal", "cardiac .. larger than normal",
            "<cardiothoracic|ctr|ct ratio> .. 0.<51|52|53|54|55|56|57|58|59|6*|7*>",
            "heart .. big", "enlarge* .. heart", "cardiac .. enlarged", "cardiac enlargement", "enlarge* .. cardiac",
            "heart .. dilated", "dilated heart", "large heart", "big heart", "heart size .. increase*",
            "increase* .. heart size", "cardiothoracic .. increase*", "increase* .. cardiothoracic",
            "heart .. increased", "enlarged heart", "cardiothoracic .. above", "cardiothoracic .. exceed*",
            "cardiac size .. increase*", "cardiac .. prominent", "heart .. prominent", "cardiothoracic .. elevated",
            "widened .. heart", "heart .. wid*", "ctr .. increased",
            "increased cardiac size", "cardiomediastinal .. enlarged", "cor .. enlarged",
            "heart dimension* .. increased",
        ),
        denials=(
            "heart .. normal", "normal .. heart", "heart .. wnl", "cardiac .. wnl",
            "heart contour, size .. normal", "heart contour, size .. natural",
            "normal .. cardiac", "cardiac .. normal",
            "cardiothoracic .. normal", "heart .. natural", "heart .. unremarkable", "cardiac .. unremarkable",
            "heart .. limits", "cardiac .. limits", "unremarkable .. heart", "heart .. preserved",
            "<cardiothoracic|ctr|ct ratio> .. 0.<3*|4*>",
            "cardiothoracic .. below", "ctr .. below", "heart .. upper limit*", "cardiac .. upper limit*",
            "cardiothoracic .. preserved", "ctr .. normal", "cardiothoracic .. limits",
            "cardiomediastinal silhouette .. normal", "cardiomediastinal silhouette .. unremarkable",
            "cardiomediastinal silhouette .. limits",
        ),
    ),
    "Pericardial effusion": Wording(
        names=(
            "pericardial .. effusion*", "pericardial eff", "pericardial .. fluid", "effusion* .. pericard*",
            "fluid .. pericard*",
            "pericardi* .. collection*", "pericardi* .. fluid", "fluid .. around the heart",
            "fluid .. surrounds the heart", "pericardium .. effusion*",
            "effusion .. around the heart", "collection* .. pericard*",
        ),
        kinds=(
            "haemopericardi*", "hemopericardi*", "cardiac tamponade",
        ),
        denials=("pericardium .. normal", "pericardium .. unremarkable",
            "normal pericardium", "pericardium .. dry"),
        not_it=(
            "physiolog* .. pericardial fluid", "physiolog* .. pericardial effusion*", "fluid .. pericardial recess*",
        ),
    ),
    "Consolidation": Wording(
        has_place=True,
        names=(
            "consolidat*", "consol", "condensation*", "infiltrat*", "cons", "airspace disease", "air space disease",
            "airspace filling",
            "air space filling", "filling of the airspace*", "filling of the air space*", "pneumonic",
            "alveolar opaci*", "airspace process*",
        ),
        kinds=(
            "pneumonia", "bronchopneumonia", "pneumonias", "pna",
        ),
        denials=_CLEAR_LUNGS,
        not_it=(
            "fatty infiltrat*",
            "<compatible with|consistent with|in keeping with|suggest*|typical for|typical of|likely> .. pneumonia",
            "<concerning for|suspicious for|due to|possibly|probably> .. pneumonia",
        ),
    ),
    "Lung opacity": Wording(
        has_place=True,
        names=(
            "ground glass*", "groundglass*", "ggo", "ggos", "opaci*", "haze", "hazy", "haziness", "infiltrat*",
            "frosted glass", "increased density", "density increase*", "shadowing", "shadows", "patchy densit*",
            "increase in density", "increases in density", "increased attenuation",
            "hazy densit*", "parenchymal densit*", "airspace densit*", "air space densit*", "alveolar densit*",
        ),
        kinds=(
            "crazy paving",
        ),
        denials=_CLEAR_LUNGS,
        not_it=(
            "ground glass nodule*", "ground glass opacity nodule*", "ground glass pulmonary nodule*",
            "ground glass lung nodule*",
            "ground glass density nodule*", "ground glass and .. solid nodule*", "ground glass or .. solid nodule*",
            "nodule* of ground glass density", "fatty infiltrat*",
            "nodule* of ground glass", "linear opaci*", "nodular opaci*", "bandlike opaci*", "band like opaci*",
            "reticular opaci*", "acoustic shadow*", "well opaci*", "opaci* .. contrast", "contrast .. opaci*",
            "arter* .. opaci*", "vessel* .. opaci*", "vein* .. opaci*", "opaci* .. pulmonary arter*",
            "hemithora* .. opaci*", "sinus* .. opaci*", "opaci* .. sinus*", "opaci* hemithora*",
            "sequel* .. density increase*", "fibro* .. density increase*",
        ),
    ),
    "Lung nodule": Wording(
        has_place=True,
        names=(
            "nodule*", "nod", "nods", "nodular densit*", "nodular opaci*", "nodular .. lesion*", "micronodul*", "mass",
            "masses",
            "coin lesion*", "pulmonary lesion*", "lung lesion*", "parenchymal lesion*", "mass lesion*",
            "lesion* .. lung*",
            "lesion* .. lobe*", "lesion* .. <right|left> <upper|mid|lower> zone",
            "tumor*", "tumour*", "neoplasm*", "spn", "ggn", "ggns", "space occupying",
        ),
        kinds=(
            "granuloma*", "metasta*", "cavitary lesion*", "cavitating lesion*", "spiculated lesion*",
            "hamartoma*", "lung carcinoma*", "bronchogenic carcinoma*", "nodular foc*",
        ),
        denials=_CLEAR_LUNGS,
        not_it=(
            "<mediastinal|hilar|axillary> <|soft tissue ><mass*|nodul*|lesion*|tumo*>",
            "<mediastinal <or|and> hilar|hilar <or|and> mediastinal> <mass*|nodul*|lesion*|tumo*>",
            "nodul* in the mediastin*", "mass* in the mediastin*", "atrial mass*",
            "metasta* .. node*", "metasta* .. lymphadenopath*", "nodal mass*", "mass effect", "chest wall mass*",
            "cardiac mass*", "pleural mass*", "nodular thicken*", "pleural nodul*", "nodular contour*",
            "pericardial mass*", "lymph node*", "granulomatous",
        ),
        not_near=OTHER_ORGANS,
    ),
    "Atelectasis": Wording(
        has_place=True,
        names=(
            "atelecta*", "collaps*", "volume loss", "lost volume", "loss of volume", "loss of aeration",
            "fibroatelecta*", "atx", "airless*", "volume reduction", "reduced volume of .. lobe*", "lost aeration",
            "volume of .. lobe .. reduced", "loss of lung volume", "shrunken lobe", "dystelectas*",
            "dystelectat*", "hypoventilat*", "underaerat*", "under aerated",
        ),
        not_it=(
            "vertebra* .. collaps*", "collaps* .. vertebra*", "trachea* .. collaps*", "collaps* .. vena",
            "vena .. collaps*", "airway collaps*", "<fibro*|scar*|sequel*|strand*> .. <volume loss|loss of volume>",
            "<volume loss|loss of volume> <and|with|due to> .. <fibro*|scar*|sequel*|strand*>", "collapsible",
            "collaps* .. trachea*", "bronchial collaps*",
        ),
    ),
    "Emphysema": Wording(
        names=("emphysem*",),
        kinds=(
            "bulla*", "bullous", "bleb*",
        ),
        not_it=(
            "subcutaneous emphysem*", "surgical emphysem*", "mediastinal emphysem*", "soft tissue emphysem*",
            "emphysema of the neck", "emphysem* .. chest wall", "chest wall emphysem*", "emphysem* .. soft tissue*",
            "subcutaneous .. emphysem*",
        ),
    ),
    "Pulmonary fibrotic sequela": Wording(
        has_place=True,
        names=(
            "fibro*", "sequel*", "scar*", "parenchymal band*", "pleuroparenchymal band*", "bandlike densit*",
            "band like densit*", "cicatri*", "pleuroparenchymal change*",
        ),
        kinds=(
            "honeycomb*",
        ),
        not_it=(
            "scarlet*", "fibroaden*", "fibroid*", "fibroscan", "cystic fibrosis", "fibrous dysplasia", "scarce*",
            "scarcely", "skin scar*", "sternotomy scar*", "scar* .. chest wall",
        ),
        not_near=OTHER_ORGANS,
    ),
    "Bronchiectasis": Wording(
        has_place=True,
        names=(
            "bronchiecta*", "bronchiolecta*", "ectatic bronch*", "bronch* .. ectatic", "dilat* .. bronch*",
            "bronch* .. dilat*", "bronch* .. widen*", "widen* .. bronch*", "bronchial ectasia", "ectasia .. bronch*",
            "dilat* .. airway*", "airway* .. dilat*", "ectatic .. airway*", "airway* .. ectatic", "ectatic .. bronch*",
            "bronch* .. ectasia",
        ),
    ),
    "Peribronchial thickening": Wording(
        names=(
            "peribronch* .. thick*", "peribronch* .. cuff*", "bronchi .. thick*", "bronchus .. thick*",
            "bronchial .. thick*",
            "bronchial and peribronchial .. thick*", "thick* .. bronchi", "thick* .. bronchial", "thick* .. bronchus",
            "thick walled .. airway*", "thick walled bronch*", "airway* .. thick walled", "bronch* .. thick walled",
            "airway* .. thickened walls", "bronch* .. thickened walls", "wall* .. airway* .. thickened",
            "bronchial cuff*", "bronchial wall cuff*", "airway wall* .. thick*", "thick* .. airway*",
            "airway* thick*", "airway* .. wall thick*", "thick* .. peribronch*",
        ),
        denials=(
            "thin bronch*", "bronch* .. thin", "airway wall* .. normal", "bronchial wall* .. normal",
            "walls of the bronch* .. normal", "walls of the airways .. normal",
        ),
    ),
    "Interlobular septal thickening": Wording(
        names=(
            "sept* .. thick*", "thick* .. sept*", "septal line*", "kerley", "prominent .. sept*",
            "sept* .. prominen*",
        ),
        denials=("thin interlobular sept*", "sept* .. thin", "interlobular sept* .. normal"),
        not_it=("septal hypertrophy", "interventricular sept* .. thick*", "interatrial sept* .. thick*"),
    ),
    "Mosaic attenuation pattern": Wording(names=("mosaic*",), kinds=("air trapping", "gas trapping")),
    "Hiatal hernia": Wording(
        names=(
            "hh", "hiat* .. hernia*", "hernia* .. hiat*", "hernia* .. stomach", "stomach .. hernia*", "gastric hernia*",
            "intrathoracic stomach", "paraesophageal hernia*", "paraoesophageal hernia*", "sliding .. hernia*",
        ),
        denials=("hiatus .. normal", "normal .. hiatus"),
    ),
    "Lymphadenopathy": Wording(
        names=(
            "lymphadenopath*", "adenopath*", "lymphadenomegal*", "nodal mass*", "nodal enlarge*", "node* .. enlarge*",
            "enlarge* .. node*",
            "node* .. increase* in size", "increase* in size .. node*", "ln .. mm", "mm .. ln", "lns .. mm",
            "mm .. lns",
            "enlarged ln*", "ln* enlarged", "node* .. conglomerat*", "conglomerat* .. node*", "nodes are large",
            "pathologic* .. node*", "node* .. pathologic*", "node* .. mm", "node* .. cm", "mm .. node*",
            "bulky .. node*", "prominent .. node*", "conglomerate .. node*", "lap",
            "node* .. bulky", "node* .. prominent", "no lad",
            "<mediastinal|hilar|axillary|subcarinal|paratracheal|supraclavicular|significant|pathologic*> lad",
        ),
        denials=(
            "node* .. normal", "normal .. node*", "node* .. below", "node* .. less than", "node* .. smaller than",
            "node* .. under", "node* .. subcentim*", "subcentim* .. node*", "node* .. insignificant",
        ),
        not_it=(
            "small .. lymph node*", "tiny .. lymph node*", "fatty hil*", "node* .. millimetric",
            "millimetric .. node*", "node* .. [1-9] mm", "[1-9] mm .. node*", "node* .. 0.[1-9] cm",
            "0.[1-9] cm .. node*",
            "<non |non>pathologic* .. node*", "node* .. <non |non>pathologic*",
            "prominent .. <non |non>pathologic* .. node*",
            "no lad <calci*|stent*|plaque*|stenos*|disease|lesion*|territory>",
        ),
        # the mediastinum, or several of its stations
        main_part=("mediastin*", "prevascular .. subcarin*", "paratrache* .. subcarin*"),
        parts=(
            "hil*", "perihil*", "peribronch*", "axill*", "supraclav*", "infraclav*", "subpectoral", "paratrache*",
            "pretrache*", "subcarin*", "precarin*", "prevascular", "aortopulmon*", "paraaort*", "paraesoph*",
            "paraoesoph*", "perivascular", "internal mammary", "retrocrural",
        ),
        not_near=(*_ABDOMEN, "inguinal", "cervical", "mesenter*", "porta*", "neck", "iliac"),
    ),
    "Arterial wall calcification": Wording(
        names=(
            "aort* .. calci*", "aort* .. calcs", "calci* .. aort*", "aort* .. plaque*", "plaque* .. aort*",
            "arterial .. calci*",
            "calci* .. arterial wall*", "vascular calci*", "calci* .. vessel*", "vessel* .. calci*",
            "aort* .. athero*", "athero* .. aort*", "carotid .. calci*", "supraaortic .. calci*",
            "subclavian .. calci*", "brachiocephalic .. calci*", "innominate .. calci*", "aort* sclero*",
            "aort* .. arterioscler*", "arterioscler* .. aort*", "porcelain aorta",
        ),
        not_it=(
            "coronary arterial .. calci*", "aortic valv* .. calci*", "calci* .. aortic valv*",
            "coronary vessel* .. calci*", "vessel* .. coronar* .. calci*", "calci* .. coronar* vessel*",
            "calci* .. three vessel*", "calci* .. all three vessel*", "calci* .. vessel* .. coronar*",
        ),
    ),
    "Coronary artery wall calcification": Wording(
        names=(
            "coronar* .. calci*", "calci* .. coronar*", "cac", "coronar* .. plaque*", "plaque* .. coronar*",
            "plaque* .. lad",
            "calci* .. aort* <and|or> <coronar*|lad>", "athero* .. aort* <and|or> lad",
            "coronar* .. athero*", "athero* .. coronar*", "coronar* .. sclero*", "coronar* arterioscler*",
            "sclero* .. coronar*", "rca .. calci*", "calci* .. rca", "lcx .. calci*", "calci* .. lcx", "lad .. calci*",
            "calci* .. lad",
            "anterior descending .. calci*", "calci* .. anterior descending", "calci* .. circumflex",
            "circumflex .. calci*",
            "coronary calcs", "coronary sclerosis", "coronary arteriosclerosis", "rca .. calci*", "calci* .. rca",
            "calci* .. left main",
        ),
    ),
    "Medical material": Wording(
        names=(
            "catheter*", "device*", "medical material*", "foreign material*", "foreign bod*", "implant*",
            "<lines <or|and|nor> <tubes|drains>|tubes <or|and|nor> lines>",
            "lines, tubes", "tubes, lines", "support device*", "hardware", "surgical material",
        ),
        kinds=(
            "pacemaker*", "pacer", "ett", "ngt", "cvc", "ppm", "tube", "tubes", "drain", "drains", "port", "ports",
            "portacath", "central line*", "venous line*", "picc", "picc line*", "wire", "wires", "sternotom*",
            "stent*", "clips", "surgical clip*", "prosthe*", "valve replacement*", "suture*", "staple*", "icd",
            "defibrillator*", "electrode*", "lead", "leads", "cannula*", "tracheostom*", "screw*", "endograft*",
            "plate fixation", "loop recorder*", "hickman", "ecmo", "coil", "coils", "metallic valve*",
            "mechanical valve*", "venous access", "access device*", "cerclage*", "lines", "midline catheter",
            "mechanical heart valve*", "tavi", "tavr", "annuloplasty", "stimulator*", "fiducial*", "spinal fixation",
            "mediport*", "aicd", "ij line*", "iabp", "balloon pump*", "vp shunt*", "ventriculoperitoneal shunt*",
            "lvad", "spacer*", "mesh",
            "metallic rod*", "prosthetic valve*", "ring annuloplast*",
        ),
        not_it=(
            "sternotomy scar*", "eustachian tube*", "drain to", "metallic artefact*", "metallic artifact*",
            "septal lines", "kerley .. lines", "fissural lines", "lead to", "leads to", "pleural lines",
            "reticular lines", "subpleural lines", "interstitial lines", "curvilinear lines",
        ),
        not_near=("removed", "withdrawn", "pulled out", "taken out", "removal of", "extubat*", "explanted"),
    ),
}
