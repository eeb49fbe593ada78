"""Phrasings of what lies between the lungs, and of devices."""

from __future__ import annotations

from ctflow.phantom.phrases import AMOUNTS, OBJECT_SIZES, SEVERITIES, Phrases, nouns
from ctflow.phantom.truth import Kind

MEDIASTINUM: dict[Kind, Phrases] = {
    "Cardiomegaly": Phrases(
        assertions=(
            "{size} cardiomegaly.",
            "{size} cardiomegaly is observed.",
            "There is {size} cardiomegaly.",
            "The heart is {mildly} enlarged, cardiothoracic ratio {ratio}.",
            "Heart size has increased, {size}.",
            "The cardiothoracic index increased in favour of the heart, {size} cardiomegaly.",
            "{size} enlargement of the heart with a cardiothoracic ratio of {ratio}.",
            "{size} cardiomegaly, cardiothoracic ratio {ratio}.",
            "The heart is {mildly} enlarged.",
            "Heart {mildly} enlarged.",
            "Heart enlarged, {size}.",
        ),
        held_out_assertions=(
            "The cardiac silhouette is enlarged to a {size} degree.",
            "{size} increase of heart size is noted.",
        ),
        denials=(
            "Heart size is normal.",
            "Heart contour and size are normal.",
            "Cardiothoracic index is normal.",
            "No cardiomegaly.",
            "The heart is not enlarged.",
            "Cardiac silhouette of normal size.",
            "Heart dimensions are normal.",
            "The heart is within normal limits in size.",
            "Heart size is not increased.",
            "Heart not enlarged.",
        ),
        held_out_denials=("Cardiac dimensions are within normal limits.", "There is no enlargement of the heart."),
        nouns=nouns(
            one=(
                "{mildly} enlarged heart",
                "{mildly} enlarged cardiac silhouette",
                "{size} degree of cardiomegaly",
                "{size} increase in heart size",
            ),
            mass=(
                "cardiomegaly",
                "enlargement of the heart",
                "cardiac enlargement",
                "enlargement of the cardiac silhouette",
            ),
        ),
        measures=(
            "",
            "",
            "",
            ", cardiothoracic ratio {ratio}",
            ", with a cardiothoracic ratio of {ratio}",
            ", CTR {ratio}",
        ),
    ),
    "Pericardial effusion": Phrases(
        words=AMOUNTS,
        assertions=(
            "{size} pericardial effusion.",
            "There is a {size} pericardial effusion.",
            "{size} pericardial effusion measuring {mm} mm in thickness.",
            "{size} effusion in the pericardial space, {mm} mm at its thickest point.",
            "Pericardial effusion reaching {mm} mm, {size}.",
            "{quantity} amount of fluid in the pericardium.",
            "{size} pericardial effusion surrounds the heart.",
            "Fluid has collected in the pericardium, {size} in amount.",
        ),
        held_out_assertions=(
            "Fluid of {quantity} amount surrounds the heart.",
            "The pericardium holds a {quantity} collection of {mm} mm.",
        ),
        denials=(
            "No pericardial effusion.",
            "Pericardial effusion was not observed.",
            "Pericardial effusion-thickening was not observed.",
            "There is no pericardial effusion.",
            "No fluid in the pericardial space.",
            "The pericardial space contains no fluid.",
        ),
        held_out_denials=("The pericardium contains no fluid.", "Pericardial fluid is absent."),
        nouns=nouns(
            one=(
                "pericardial effusion",
                "effusion in the pericardial space",
                "{quantity} amount of pericardial fluid",
                "{quantity} amount of fluid around the heart",
                "pericardial fluid collection",
                "{quantity} quantity of fluid in the pericardium",
            )
        ),
        denied_nouns=nouns(
            many=("pericardial effusions",),
            mass=("pericardial fluid", "fluid in the pericardium", "fluid around the heart"),
        ),
        measures=(
            "",
            "",
            "",
            ", {mm} mm",
            ", {mm} mm in thickness",
            ", {cm} cm at its thickest point",
            ", measuring up to {mm} mm",
        ),
    ),
    "Coronary artery wall calcification": Phrases(
        assertions=(
            "{size} coronary artery calcification.",
            "{size} calcific atheroma plaques in the coronary arteries.",
            "{size} calcifications in the coronary artery walls.",
            "There are {size} calcified plaques in the coronary arteries.",
            "Coronary artery wall calcifications, {size}.",
        ),
        held_out_assertions=(
            "The coronary arteries show {size} calcium.",
            "{size} calcified atherosclerosis of the coronaries.",
        ),
        denials=(
            "No coronary artery calcification.",
            "Calcification was not observed in the coronary arteries.",
            "There are no calcified plaques in the coronary arteries.",
            "The coronary arteries are not calcified.",
        ),
        held_out_denials=("The coronary arteries are free of calcium.",),
        nouns=nouns(
            many=(
                "coronary artery calcifications",
                "calcified coronary plaques",
                "calcifications of the coronaries",
                "calcified plaques in the coronary arteries",
            ),
            mass=(
                "coronary artery calcification",
                "coronary calcification",
                "coronary artery calcium",
                "calcium in the coronary arteries",
                "calcified coronary atherosclerosis",
            ),
        ),
    ),
    "Arterial wall calcification": Phrases(
        assertions=(
            "{size} calcification of the aortic wall.",
            "{size} calcific atheroma plaques in the aorta.",
            "{size} atherosclerotic wall calcifications in the thoracic aorta.",
            "There are {size} calcified plaques in the wall of the aortic arch and descending aorta.",
            "Arterial wall calcifications, {size}.",
            "The aortic wall carries {size} calcified plaques.",
        ),
        held_out_assertions=(
            "The thoracic aorta carries {size} mural calcium.",
            "{size} calcified atherosclerosis of the aorta.",
        ),
        denials=(
            "No calcification of the aortic wall.",
            "Calcified plaques were not observed in the aorta.",
            "No arterial wall calcification.",
            "The aorta is not calcified.",
        ),
        held_out_denials=("The aortic wall is free of calcium.",),
        nouns=nouns(
            many=(
                "aortic wall calcifications",
                "calcified plaques in the thoracic aorta",
                "mural calcifications of the aorta",
            ),
            mass=(
                "aortic calcification",
                "aortic wall calcification",
                "calcification of the thoracic aorta",
                "calcium in the aortic wall",
                "mural calcification of the aorta",
                "calcified aortic atherosclerosis",
            ),
        ),
    ),
    "Hiatal hernia": Phrases(
        words=OBJECT_SIZES,
        assertions=(
            "{size} hiatal hernia.",
            "There is a {size} hiatal hernia.",
            "{size} sliding type hiatal hernia at the lower end of the oesophagus.",
            "{size} hiatal hernia measuring {mm} mm.",
            "Hiatal hernia, {size}, with a diameter of {cm} cm.",
            "The stomach has slid through the hiatus, {size} hernia.",
            "{size} herniation of the stomach into the chest.",
        ),
        held_out_assertions=(
            "Part of the stomach has slid into the chest as a {size} hernia.",
            "A {size} hernia at the hiatus, {mm} mm.",
        ),
        denials=(
            "No hiatal hernia.",
            "Hiatal hernia was not observed.",
            "There is no hiatal hernia.",
            "The hiatus is of normal width.",
        ),
        held_out_denials=("The oesophageal hiatus is of normal width.",),
        nouns=nouns(
            one=(
                "hiatal hernia",
                "hiatus hernia",
                "sliding hiatal hernia",
                "hernia at the oesophageal hiatus",
                "herniation of part of the stomach",
            )
        ),
        denied_nouns=nouns(many=("hiatal hernias",), mass=("herniation of the stomach",)),
        measures=("", "", "", ", {mm} mm", ", {cm} cm", ", measuring {mm} mm", ", {cm} cm in diameter"),
    ),
    "Lymphadenopathy": Phrases(
        words={
            "small": ("mild", "mild", "small", "slight", "minor"),
            "moderate": ("moderate", "moderate", "intermediate"),
            "large": ("bulky", "large", "marked", "extensive", "severe"),
        },
        assertions=(
            "Mediastinal lymphadenopathy with a short axis of up to {mm} mm.",
            "Lymph nodes in pathological size in the mediastinum, the largest with a short axis of {mm} mm.",
            "{size} mediastinal lymphadenopathy, the largest node measures {mm} mm.",
            "Enlarged mediastinal and hilar lymph nodes, short axis {mm} mm.",
            "{size} lymphadenopathies in the mediastinum up to {mm} mm.",
        ),
        held_out_assertions=(
            "Mediastinal nodes are enlarged, up to {mm} mm across.",
            "{size} adenopathy of the mediastinum, {mm} mm.",
        ),
        denials=(
            "No lymph node in pathological size was observed in the mediastinum.",
            "No enlarged mediastinal or hilar lymph nodes.",
            "No lymphadenopathy.",
            "Lymphadenopathy was not detected.",
            "Lymph nodes of normal size.",
            "Mediastinal lymph nodes are not enlarged.",
        ),
        held_out_denials=("Mediastinal nodes are of normal size.",),
        nouns=nouns(
            many=(
                "{mildly} enlarged mediastinal lymph nodes",
                "{mildly} enlarged mediastinal and hilar nodes",
                "mediastinal lymphadenopathies",
            ),
            mass=(
                "mediastinal lymphadenopathy",
                "mediastinal adenopathy",
                "lymphadenopathy",
                "adenopathy",
                "enlargement of mediastinal lymph nodes",
            ),
        ),
        denied_nouns=nouns(
            many=("enlarged lymph nodes", "enlarged mediastinal lymph nodes", "pathologically enlarged nodes")
        ),
        measures=(
            "",
            "",
            "",
            ", {mm} mm",
            ", up to {mm} mm",
            ", short axis {mm} mm",
            ", up to {cm} cm across",
            ", the largest node {mm} mm",
        ),
    ),
    "Medical material": Phrases(
        words=SEVERITIES,
        assertions=(
            "{device}.",
            "{device} seen.",
            "{device} in place.",
            "{device} observed.",
            "Medical material: {device}.",
            "Status post insertion of {device}.",
            "After placement of {device}.",
            "The images show {device}.",
            "{device} noted.",
            "{device} identified.",
            "{device} present.",
            "{device} visible.",
            "{device} demonstrated.",
            "With {device} in place.",
        ),
        held_out_assertions=("Status post placement of {device}.", "The study shows {device}."),
        denials=(
            "No medical material.",
            "No catheter, tube or other medical device.",
            "No foreign material in the thorax.",
        ),
        held_out_denials=("Devices are absent.",),
        denied_nouns=nouns(
            many=("medical devices", "foreign bodies", "devices", "implanted devices", "catheters"),
            mass=("medical material", "foreign material"),
        ),
    ),
}
